// Leaving only when it is safe, and what a leaver says of the copies that will be missing.
#include <algorithm>

#include "control_fixture.h"

using namespace ox;
using namespace ox::test;

namespace {
const Member kMaster = played(1), kSelf = played(2), kThird = played(3);
ControlSettings withBackup() {
  ControlSettings s;
  s.backupCopies = 1;
  s.leaveMillis = 1000;
  return s;
}
}  // namespace

TEST_CASE("waits for members that can hold every copy, then hands over without a bound") {
  ControlFixture f(withBackup());
  ClusterView view = ControlFixture::viewOf({kMaster, kSelf}, 5);
  f.join(view);
  f.core->leave(true);
  const auto alive = [&](std::int64_t millis) {
    for (std::int64_t t = 0; t < millis; t += 50) {
      f.beat(kMaster, view.id, kMaster.address, true);
      if (view.members.size() > 2) f.beat(kThird, view.id, kMaster.address, true);
      f.tick();
    }
  };
  alive(30'000);
  CHECK_FALSE(f.hasLeft);
  CHECK(f.messages<LeaveRequest>(1).empty());
  CHECK(ControlFixture::said(f.warnings, "can hold 1 of 2 copies"));
  CHECK(f.warnings.size() <= 4);  // every ten seconds
  view.members.push_back(kThird);
  view.id.counter = 6;
  f.core->received(1, encodeViewFrame(view));
  f.up(kThird);
  alive(5000);
  CHECK_FALSE(f.messages<LeaveRequest>(1).empty());
  CHECK_FALSE(f.hasLeft);  // leaveMillis does not count
  // A stop without waiting goes back to the bound.
  f.core->leave();
  alive(1500);
  CHECK(f.hasLeft);
}

TEST_CASE("the last full member says how many entries go with it") {
  ControlFixture f(withBackup());
  f.entries = 42;
  Member lite = played(3);
  lite.lite = true;
  ClusterView view = ControlFixture::viewOf({kMaster, kSelf, lite}, 5);
  view.members[0].lite = true;
  for (Replicas& r : view.partitions) r.at[0] = kSelf.id;
  f.join(view);
  f.core->leave();
  CHECK(ControlFixture::said(f.warnings, "this is the last full member: with it go its 42 entries"));
}

TEST_CASE("the only member says so as well") {
  ControlFixture f(withBackup());
  f.entries = 42;
  f.found();
  f.core->leave();
  CHECK(f.hasLeft);
  CHECK(ControlFixture::said(f.warnings, "up to 42 entries are lost"));
}

TEST_CASE("one without which copies are missing says how many entries have fewer of them") {
  ControlFixture f(withBackup());
  f.entries = 42;
  f.join(ControlFixture::viewOf({kMaster, kSelf}, 5));
  f.core->leave();
  CHECK(ControlFixture::said(f.infos, "can hold 1 of 2 copies of each partition; the 42 entries"));
}

TEST_CASE("alone and waiting for safety, a member stays") {
  ControlFixture f(withBackup());
  f.found();
  f.core->leave(true);
  f.tick(20'000);
  f.tick();
  CHECK_FALSE(f.hasLeft);
  CHECK(f.core->joined());
}

TEST_CASE("copies that cannot be held are told once per change, not for the first member alone") {
  ControlSettings settings;
  settings.backupCopies = 2;
  ControlFixture f(settings);
  f.found();
  const auto told = [&] {
    return std::count_if(f.warnings.begin(), f.warnings.end(), [](const std::string& w) {
      return w.find("copies of each partition are configured") != std::string::npos;
    });
  };
  CHECK(told() == 0);
  const auto admit = [&](Member m) {
    f.core->linkUp(m.id.lo, {m.id, m.address, m.lite, true, kProtocolMax});
    f.give(m, JoinRequest{m, 4});
    f.tick();
    for (const Member& other : f.core->view()->members)
      if (other.id != f.self.id) f.give(other, ViewAck{f.core->view()->id});
    f.tick();
    REQUIRE(f.core->view()->find(m.id) != nullptr);
  };
  Member lite = played(7);
  lite.lite = true;
  admit(lite);
  CHECK(told() == 1);
  CHECK(ControlFixture::said(f.warnings, "3 copies of each partition are configured, the 1 full"));
  admit(played(3));
  CHECK(told() == 2);  // two can be held now
  admit(played(4));
  CHECK(told() == 2);  // all
}
