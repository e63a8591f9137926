// What members hold against each other: map configurations, clocks, cuts of some pairs, other
// clusters with data. One real core, the others are played.
#include <set>

#include "control_fixture.h"

using namespace ox;
using namespace ox::test;

namespace {
const Member kMaster = played(1), kSelf = played(2), kThird = played(3), kFourth = played(4);

MapTexts maps(const std::string& backups) {
  return {{"sessions", {{"backupCount", backups}, {"maxIdleSeconds", "60"}}}};
}

// The core is master of all four; the others say what they are told to.
struct Four final {
  ControlFixture f;
  std::map<std::uint64_t, std::vector<Unheard>> unheard;
  std::map<std::uint64_t, bool> silent;
  std::map<std::uint64_t, std::vector<MemberId>> strangers;

  explicit Four(ControlSettings settings = {}) : f(std::move(settings)) {
    f.found();
    for (const Member& m : {kMaster, kThird, kFourth}) {
      f.up(m);
      f.give(m, JoinRequest{m, 4});
      say(m);
      f.tick();
    }
    run(2000);
    REQUIRE(f.core->view()->members.size() == 4);
  }
  void say(const Member& m) {
    const ViewPtr& view = f.core->view();
    Heartbeat h = f.heartbeatOf(m, view->id, f.self.address, true);
    h.hearsYou = true;
    h.settled = true;
    h.unheard = unheard[m.id.lo];
    h.strangers = strangers[m.id.lo];
    if (view->find(m.id) == nullptr) h = f.heartbeatOf(m, {}, {}, false), h.hearsYou = true;
    f.give(m, h);
  }
  // Everybody beats once a second.
  void run(std::int64_t millis) {
    for (std::int64_t t = 0; t < millis && f.core->joined(); t += 50) {
      if (f.clock.millis % 1000 < 50)
        for (const Member& m : {kMaster, kThird, kFourth})
          if (!silent[m.id.lo]) say(m);
      f.tick();
    }
  }
  bool has(const Member& m) const { return f.core->view() && f.core->view()->find(m.id); }
};
}  // namespace

TEST_CASE("map configurations that differ are told by key and both values, on both sides") {
  ControlSettings settings;
  settings.maps = maps("1");
  settings.mapsDigest = digestOf(settings.maps);
  ControlFixture f(settings);
  f.join(ControlFixture::viewOf({kMaster, kSelf}, 5));
  f.core->linkUp(3, {kThird.id, kThird.address, false, true, 2, digestOf(maps("2"))});
  REQUIRE(f.messages<MapList>(3).size() == 1);
  CHECK(f.messages<MapList>(3)[0].maps == settings.maps);
  f.give(kThird, MapList{maps("2")});
  f.give(kThird, MapList{maps("2")});
  CHECK(ControlFixture::said(f.warnings, "map sessions: backupCount is 1 at 10.0.0.2:5711, 2 at "
                                         "10.0.0.3:5711"));
  CHECK_FALSE(ControlFixture::said(f.warnings, "maxIdleSeconds"));
  CHECK(f.warnings.size() == 1);
  // Equal ones, and members of protocol 1, are not bothered.
  f.core->linkUp(4, {kFourth.id, kFourth.address, false, true, 2, settings.mapsDigest});
  f.core->linkUp(5, {{5, 5}, {"10.0.0.5", 5711}, false, true, 1, 0});
  CHECK(f.messages<MapList>(4).empty());
  CHECK(f.messages<MapList>(5).empty());
}

TEST_CASE("differences name maps that only one side has, and are bounded") {
  MapTexts many;
  for (int i = 0; i < 100; ++i) many.push_back({"m" + std::to_string(i), {}});
  CHECK(differences(many, "A", {}, "B").size() == kMaxDifferencesTold);
  CHECK(differences({}, "A", {{"x", {}}}, "B").at(0) == "map x: configured at B, but not at A");
  CHECK(differences(many, "A", many, "B").empty());
}

TEST_CASE("a clock that is off is told once") {
  Four four;
  for (int i = 0; i < 6; ++i) {
    Heartbeat h = four.f.heartbeatOf(kThird, four.f.core->view()->id, kSelf.address, true);
    h.wallMillis = four.f.clock.wallMillis() + 900;
    four.f.give(kThird, h);
  }
  CHECK(ControlFixture::said(four.f.warnings, "the clock of 10.0.0.3:5711 is 900 ms off ours"));
  CHECK(four.f.warnings.size() == 1);
}

TEST_CASE("refused after a reset: gone at once, without waiting for a tick") {
  Four four;
  four.f.core->linkLost(3, LinkLoss::kReset);
  REQUIRE(four.f.dials.back().second == kThird.address);
  CHECK(four.has(kThird));
  four.f.core->linkLost(four.f.dials.back().first, LinkLoss::kRefused);
  CHECK_FALSE(four.has(kThird));
}

TEST_CASE("a reset alone, or a dial that times out, is no proof") {
  Four four;
  four.f.core->linkLost(3, LinkLoss::kReset);
  four.f.core->linkLost(four.f.dials.back().first, LinkLoss::kTimeout);
  four.f.tick();
  CHECK(four.has(kThird));
}

TEST_CASE("addresses of members that are gone are tried in turn, some at a time, and bounded") {
  ControlFixture f;
  f.join(ControlFixture::viewOf({kMaster, kSelf}, 5));
  const auto tell = [&](int from, int to) {
    Heartbeat h = f.heartbeatOf(kMaster, f.core->view()->id, kMaster.address, true);
    for (int i = from; i < to; ++i)
      h.seen.push_back({"10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1), 5711});
    f.give(kMaster, h);
  };
  for (int i = 0; i < 100; i += 50) tell(i, i + 50);
  f.dials.clear();
  std::set<Address> tried;
  for (int search = 0; search < 4; ++search) {
    const std::size_t before = f.dials.size();
    for (int i = 0; i < 20; ++i) {
      f.tick();
      f.beat(kMaster, f.core->view()->id, kMaster.address, true);
    }
    CHECK(f.dials.size() - before <= 33);
    CHECK(f.dials.size() - before >= 30);
    for (; !f.dials.empty(); f.dials.pop_back()) {
      tried.insert(f.dials.back().second);
      f.core->linkLost(f.dials.back().first, LinkLoss::kRefused);
    }
  }
  CHECK(tried.size() == 100);
  // Full: who is new takes the place of one that does not answer.
  for (int i = 100; i < 3000; i += 50) tell(i, i + 50);
  tried.clear();
  for (int i = 0; i < 100 * 20; ++i) {
    f.tick();
    f.beat(kMaster, f.core->view()->id, kMaster.address, true);
    for (; !f.dials.empty(); f.dials.pop_back()) {
      tried.insert(f.dials.back().second);
      f.core->linkLost(f.dials.back().first, LinkLoss::kRefused);
    }
  }
  CHECK(tried.size() > 2000);
  CHECK(tried.size() <= 2048);
  CHECK(tried.count({"10.1.11.250", 5711}) == 1);
}

TEST_CASE("two members that do not reach each other: the younger goes, the rest stays") {
  Four four;  // joined in the order of their numbers: the fourth is the youngest
  const Member elder = four.f.core->view()->members[2];
  const Member younger = four.f.core->view()->members[3];
  four.unheard[elder.id.lo] = {{younger.id, false}};  // silent, not suspected: nothing yet
  four.run(4000);
  CHECK(four.has(younger));
  four.unheard[elder.id.lo] = {{younger.id, true}};
  four.run(4000);
  CHECK_FALSE(four.has(younger));
  CHECK(four.has(elder));
  CHECK(ControlFixture::said(four.f.warnings, "the network is cut in part"));

  // Not again before all reach it: told to it, and to the log, once.
  four.unheard.clear();
  const auto asks = [&](std::int64_t millis) {
    for (std::int64_t t = 0; t < millis && !four.has(younger); t += 200) {
      four.f.give(younger, JoinRequest{younger, 4});
      four.run(200);
    }
  };
  asks(30'000);
  CHECK_FALSE(four.has(younger));
  CHECK(ControlFixture::said(four.f.warnings, "is not admitted"));
  REQUIRE_FALSE(four.f.messages<Heartbeat>(younger.id.lo).empty());
  CHECK(four.f.messages<Heartbeat>(younger.id.lo).back().refusesYou);
  for (const Member& m : {kMaster, kThird, kFourth})
    if (m.id != younger.id) four.strangers[m.id.lo] = {younger.id};
  asks(5000);
  CHECK(four.has(younger));
}

TEST_CASE("whom nobody hears is dead and goes as soon as it is suspected") {
  Four four;
  four.run(12'000);
  four.silent[3] = true;
  for (const std::uint64_t n : {1, 4}) four.unheard[n] = {{kThird.id, false}};
  const auto from = four.f.clock.millis;
  while (four.has(kThird) && four.f.clock.millis - from < 20'000) four.run(50);
  CHECK(four.f.clock.millis - from < 6000);  // learnt: less than the limit of 10 s
  CHECK(four.f.clock.millis - from > 3000);
}

TEST_CASE("a master that reaches nobody while they reach each other leaves the cluster to them") {
  Four four;
  for (const std::uint64_t n : {1, 3, 4}) four.unheard[n] = {{kSelf.id, true}};
  four.run(4000);
  CHECK_FALSE(four.f.core->joined());
  CHECK(ControlFixture::said(four.f.warnings, "badly connected"));
}

TEST_CASE("two sides with data merge at the times of the keys, and not while partitions move") {
  ControlSettings settings;
  settings.mergeFirstMillis = 30'000;
  settings.mergeNextMillis = 20'000;
  ControlFixture f(settings);
  f.entries = 5;
  f.found();
  const Member other = played(1);  // lower address: we would join it
  f.up(other);
  bool settled = true;
  const auto run = [&](std::int64_t millis) {
    for (std::int64_t t = 0; t < millis && f.core->joined(); t += 50) {
      if (f.clock.millis % 1000 < 50) {
        Heartbeat h = f.heartbeatOf(other, {3, 3, other.id}, other.address, false);
        h.clusterEntries = h.ownedEntries = 7;
        h.hearsYou = true;
        h.settled = settled;
        f.give(other, h);
      }
      f.tick();
    }
  };
  run(25'000);
  CHECK(f.core->joined());
  CHECK(ControlFixture::said(f.infos, "both sides hold data, they are merged in"));
  settled = false;
  run(30'000);
  CHECK(f.core->joined());
  settled = true;
  run(3000);
  CHECK_FALSE(f.core->joined());
  CHECK(ControlFixture::said(f.warnings, "both hold data"));
}

TEST_CASE("a side without entries joins at once, whatever the merge keys say") {
  ControlSettings settings;
  settings.mergeFirstMillis = settings.mergeNextMillis = 1'000'000;
  ControlFixture f(settings);
  f.found();
  const Member other = played(9);  // higher address, but it holds entries
  f.up(other);
  for (std::int64_t t = 0; t < 4000 && f.core->joined(); t += 50) {
    if (f.clock.millis % 1000 < 50) {
      Heartbeat h = f.heartbeatOf(other, {3, 3, other.id}, other.address, false);
      h.clusterEntries = 7;
      f.give(other, h);
    }
    f.tick();
  }
  CHECK_FALSE(f.core->joined());
}

TEST_CASE("asked to agree to a new master before it noticed itself, a member answers when it does") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kThird, kSelf}, 5);
  f.join(view);
  f.give(kThird, ViewQuery{2});
  CHECK(f.messages<ViewAnswer>(3).empty());
  f.core->linkLost(1, LinkLoss::kReset);
  f.core->linkLost(f.dials.back().first, LinkLoss::kRefused);
  REQUIRE(f.messages<ViewAnswer>(3).size() == 1);
  CHECK(f.messages<ViewAnswer>(3)[0].agreed);
  CHECK(f.messages<ViewAnswer>(3)[0].promisedEpoch == 2);
}

TEST_CASE("an elder that has joined another cluster of an older list does not stand in the way") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kThird, kSelf}, 5);
  f.join(view);
  const ViewId other{1, 2, {8, 8}};
  for (int i = 0; i < 100; ++i) {
    if (f.clock.millis % 1000 < 50) {
      f.beat(kMaster, other, {"10.0.0.8", 5711}, false);
      f.beat(kThird, view.id, kMaster.address, true);
    }
    if (i == 0) f.give(kThird, ViewQuery{2});
    f.tick();
  }
  REQUIRE_FALSE(f.messages<ViewAnswer>(3).empty());
  CHECK(f.messages<ViewAnswer>(3).back().agreed);
}

TEST_CASE("asked again while the elder seems alive, it refuses") {
  ControlFixture f;
  const ClusterView view = ControlFixture::viewOf({kMaster, kThird, kSelf}, 5);
  f.join(view);
  f.give(kThird, ViewQuery{2});
  f.give(kThird, ViewQuery{2});
  REQUIRE(f.messages<ViewAnswer>(3).size() == 1);
  CHECK_FALSE(f.messages<ViewAnswer>(3)[0].agreed);
}
