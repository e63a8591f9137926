// After a pause the view is confirmed by answers to questions asked after it; and the protocol
// that a cluster speaks.
#include "control_fixture.h"

using namespace ox;
using namespace ox::test;

namespace {
const Member kMaster = played(1), kSelf = played(2), kThird = played(3);

Confirmed answer(std::uint64_t nonce, const ViewId& view, std::uint64_t promised = 1) {
  Confirmed c;
  c.nonce = nonce;
  c.view = view;
  c.promisedEpoch = promised;
  return c;
}
}  // namespace

TEST_CASE("the master's word confirms; what was said before the question does not") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kSelf, kThird}, 5);
  f.join(view);
  f.core->confirmView(1);
  const auto asked = f.messages<Confirm>(1);
  REQUIRE(asked.size() == 1);
  CHECK(f.messages<Confirm>(3).empty());  // the master knows best
  CHECK(f.confirmations == 0);
  f.beat(kMaster, view.id, kMaster.address, true);  // may have lain in the socket
  f.give(kMaster, answer(asked[0].nonce + 1, view.id));
  f.give(kThird, answer(asked[0].nonce, view.id));  // was not asked
  CHECK(f.confirmations == 0);
  f.give(kMaster, answer(asked[0].nonce, {1, 6, kMaster.id}));  // has gone on: not confirmed
  CHECK(f.confirmations == 0);
  f.give(kMaster, answer(asked[0].nonce, view.id));
  CHECK(f.confirmations == 1);
  f.tick();
  CHECK(f.confirmations == 1);
}

TEST_CASE("a second pause makes the first question worthless; a new view asks again") {
  ControlFixture f;
  ClusterView view = ControlFixture::viewOf({kMaster, kSelf}, 5);
  f.join(view);
  f.core->confirmView(1);
  const auto first = f.messages<Confirm>(1).at(0).nonce;
  f.core->confirmView(1);
  f.give(kMaster, answer(first, view.id));
  CHECK(f.confirmations == 0);
  const auto second = f.messages<Confirm>(1).at(1).nonce;
  view.id.counter = 6;
  f.core->received(1, encodeViewFrame(view));
  f.give(kMaster, answer(second, view.id));
  CHECK(f.confirmations == 0);
  f.tick();
  f.give(kMaster, answer(f.messages<Confirm>(1).at(2).nonce, view.id));
  CHECK(f.confirmations == 1);
}

TEST_CASE("a confirmation names the fences that it lifts, each once") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kSelf}, 5);
  f.join(view);
  f.core->confirmView(12);
  f.core->confirmView(11);
  f.core->confirmView(12);  // repeated
  f.give(kMaster, answer(f.messages<Confirm>(1).back().nonce, view.id));
  CHECK(f.fences == std::vector<std::uint64_t>{11, 12});
  f.core->confirmView(21);
  f.give(kMaster, answer(f.messages<Confirm>(1).back().nonce, view.id));
  CHECK(f.fences == std::vector<std::uint64_t>{21});
  CHECK(f.confirmations == 2);
}

TEST_CASE("without a master everybody left must agree, and nobody may have promised a new epoch") {
  ControlFixture f;
  const Member fourth = played(4);
  const ClusterView view = ControlFixture::viewOf({kMaster, kThird, kSelf, fourth}, 5);
  f.join(view);
  f.core->linkLost(1, LinkLoss::kReset);
  f.core->linkLost(f.dials.back().first, LinkLoss::kRefused);
  f.sent.clear();
  f.core->confirmView(1);
  const auto nonce = f.messages<Confirm>(3).at(0).nonce;
  REQUIRE(f.messages<Confirm>(4).size() == 1);
  f.give(kThird, answer(nonce, view.id, 2));  // agreed to a takeover
  f.give(fourth, answer(nonce, view.id));
  CHECK(f.confirmations == 0);
  f.give(kThird, answer(nonce, view.id));
  CHECK(f.confirmations == 1);
}

TEST_CASE("with nobody in reach the member serves as the half of a split") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kSelf}, 5);
  f.join(view);
  f.core->confirmView(1);
  CHECK(f.confirmations == 0);
  f.core->linkLost(1, LinkLoss::kReset);
  f.core->linkLost(f.dials.back().first, LinkLoss::kRefused);
  f.tick();
  CHECK(f.confirmations == 1);
}

TEST_CASE("a master that was replaced while it stood still joins the others, unconfirmed") {
  ControlFixture f;
  f.found();
  for (const Member& m : {kMaster, kThird}) {
    f.up(m);
    f.give(m, JoinRequest{m, 4});
    f.tick();
    f.beat(m, f.core->view()->id, f.self.address, true);
  }
  REQUIRE(f.core->view()->members.size() == 3);
  f.tick(60'000);
  f.confirmations = 0;
  // What it reads first: the others have a view of a newer epoch. It must not remove them.
  f.sent.clear();
  f.clock.millis += 60'000;
  f.give(kThird, Confirm{5});
  CHECK(f.messages<Confirmed>(3).empty());  // knows nothing to confirm
  f.beat(kThird, {f.core->view()->id.epoch + 1, 1, kMaster.id}, kMaster.address, false);
  CHECK_FALSE(f.core->joined());
  CHECK(ControlFixture::said(f.warnings, "without this master, which stood still"));
  f.tick();
  CHECK(f.confirmations == 0);
}

TEST_CASE("without a pause a master removes members that went to another cluster") {
  ControlFixture f;
  f.found();
  f.up(kThird);
  f.give(kThird, JoinRequest{kThird, 4});
  f.tick();
  f.beat(kThird, f.core->view()->id, f.self.address, true);
  f.tick();
  f.beat(kThird, {f.core->view()->id.epoch + 1, 1, kMaster.id}, kMaster.address, false);
  f.tick();
  REQUIRE(f.core->joined());
  CHECK(f.core->view()->find(kThird.id) == nullptr);
}

TEST_CASE("a question that comes before the first tick after a pause: nobody counts as lost yet") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kSelf, kThird}, 5);
  f.join(view);
  f.tick();
  f.sent.clear();
  f.clock.millis += 2 * ControlSettings().silenceMillis;
  f.core->confirmView(1);
  CHECK(f.confirmations == 0);
  const auto asked = f.messages<Confirm>(1);
  REQUIRE(asked.size() == 1);
  f.give(kMaster, answer(asked[0].nonce, view.id));
  CHECK(f.confirmations == 1);
}

TEST_CASE("a member without a cluster has nothing to confirm") {
  ControlFixture f;
  f.core->confirmView(1);
  CHECK(f.confirmations == 1);
}

TEST_CASE("a member of protocol 1 is asked in words it knows, and answers come in order") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kSelf}, 5, 1);
  f.join(view, 1);
  f.core->confirmView(1);
  CHECK(f.count(Kind::kConfirm, 1) == 0);
  REQUIRE(f.messages<ViewQuery>(1).size() == 1);
  CHECK(f.messages<ViewQuery>(1)[0].epoch == 0);
  f.core->confirmView(1);
  REQUIRE(f.messages<ViewQuery>(1).size() == 2);
  f.give(kMaster, ViewAnswer{0, false, 1, view});
  CHECK(f.confirmations == 0);  // answers the question before the second pause
  f.give(kMaster, ViewAnswer{0, false, 1, view});
  CHECK(f.confirmations == 1);
}

TEST_CASE("questions of others are answered with the view in force and what was promised") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kSelf, kThird}, 5);
  f.join(view);
  f.give(kThird, Confirm{77});
  const auto said = f.messages<Confirmed>(3);
  REQUIRE(said.size() == 1);
  CHECK(said[0].nonce == 77);
  CHECK(said[0].view == view.id);
  CHECK(said[0].promisedEpoch == 1);
}

TEST_CASE("the cluster speaks the highest protocol that all members speak") {
  ControlFixture f;
  f.found();
  CHECK(f.core->view()->protocol == kProtocolMax);
  const auto admit = [&](const Member& m, std::uint16_t protocol) {
    f.up(m, protocol);
    f.give(m, JoinRequest{m, 4});
    f.tick();
  };
  admit(kThird, 1);
  REQUIRE(f.core->view()->find(kThird.id) != nullptr);
  CHECK(f.core->view()->protocol == 1);
  CHECK(ControlFixture::said(f.warnings, "speaks member protocol 1"));
  // It goes: the others may speak theirs again.
  f.core->linkLost(3, LinkLoss::kReset);
  f.core->linkLost(f.dials.back().first, LinkLoss::kRefused);
  f.tick();
  f.tick();
  CHECK(f.core->view()->find(kThird.id) == nullptr);
  CHECK(f.core->view()->protocol == kProtocolMax);
}

TEST_CASE("a view of a protocol that this member does not speak is refused") {
  ControlSettings settings;
  settings.protocolMax = 1;
  ControlFixture f(settings);
  f.join(ControlFixture::viewOf({kMaster, kSelf}, 5, 1), 1);
  f.core->received(1, encodeViewFrame(ControlFixture::viewOf({kMaster, kSelf}, 6, 2)));
  CHECK(f.core->view()->id.counter == 5);
  CHECK(ControlFixture::said(f.warnings, "this member speaks 1"));
}
