// A leaving member tells of losses only when there are any: frames of a master made by hand.
#include <doctest/doctest.h>

#include "base/random.h"
#include "member_protocol/control_messages.h"
#include "membership/control_core.h"

using namespace ox;
using namespace ox::grid;

namespace {

constexpr const char* kCluster = "c-10.1";
constexpr LinkId kMasterLink = 1;
const Member kMaster{{1, 1}, {"10.0.0.1", 5711}, false};
const Member kSelf{{2, 2}, {"10.0.0.2", 5711}, false};

struct StepClock final : Clock {
  std::int64_t millis = 1000;
  std::int64_t steadyNanos() const override { return millis * 1'000'000; }
  std::int64_t wallMillis() const override { return 1'700'000'000'000 + millis; }
};

// One member that has joined the cluster of a master which the test plays.
struct Leaver final : ControlHost {
  StepClock clock;
  SeededRandom random{1};
  std::unique_ptr<ControlCore> core;
  std::vector<std::string> warnings, infos;
  bool asked = false;  // for admission
  bool hasLeft = false;
  LinkId nextLink = 100;

  LinkId dial(const Address&) override { return nextLink++; }
  void send(LinkId, Bytes frame) override {
    asked = asked || frame[0] == static_cast<char>(Kind::kJoinRequest);
  }
  void close(LinkId) override {}
  void installed(const ViewPtr&) override {}
  void keepEntriesForMerge() override {}
  std::uint64_t ownedEntries() const override { return 7; }
  void left() override { hasLeft = true; }
  void log(int level, const std::string& text) override {
    (level == 0 ? infos : warnings).push_back(text);
  }

  explicit Leaver(const ClusterView& first) {
    ControlSettings settings;
    settings.clusterName = kCluster;
    settings.self = kSelf;
    settings.partitionCount = 2;
    settings.candidates = {kMaster.address};
    core = std::make_unique<ControlCore>(settings, clock, random, *this);
    core->start();
    core->linkUp(kMasterLink, {kMaster.id, kMaster.address, false, true});
    for (int i = 0; i < 100 && !asked; ++i) {
      beat({1, 1, kMaster.id}, false);
      tick();
    }
    REQUIRE(asked);
    core->received(kMasterLink, encodeViewFrame(first));
    REQUIRE(core->joined());
    beat(first.id, true);
    core->leave();
    REQUIRE_FALSE(hasLeft);
  }
  void tick() {
    clock.millis += 50;
    core->tick();
  }
  void beat(const ViewId& view, bool youAreMember) {
    Heartbeat h;
    h.state = MemberState::kJoined;
    h.clusterName = kCluster;
    h.view = view;
    h.master = kMaster.address;
    h.members = 1;
    h.youAreMember = youAreMember;
    core->received(kMasterLink, encodeFrame(h));
  }
  bool said(const std::vector<std::string>& lines, const std::string& part) const {
    for (const auto& line : lines)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }
};

Replicas row(std::vector<MemberId> ids) {
  Replicas r;
  for (const auto& id : ids) r.at[r.count++] = id;
  return r;
}

// Partition 0 has a copy at the master, partition 1 is under way to it.
ClusterView before() {
  ClusterView v;
  v.id = {1, 2, kMaster.id};
  v.clusterName = kCluster;
  v.members = {kMaster, kSelf};
  v.partitions = {row({kSelf.id, kMaster.id}), row({kSelf.id})};
  v.migrations = {{1, kMaster.id, true, 0, 0}};
  v.leaving = {kSelf.id};
  REQUIRE(v.validate() == "");
  return v;
}

ClusterView after() {
  ClusterView v;
  v.id = {1, 3, kMaster.id};
  v.clusterName = kCluster;
  v.members = {kMaster};
  v.partitions = {row({kMaster.id}), row({kMaster.id})};
  REQUIRE(v.validate() == "");
  return v;
}

}  // namespace

TEST_CASE("the view that takes the last partitions over and lets go is no loss") {
  Leaver leaver(before());
  leaver.core->received(kMasterLink, encodeViewFrame(after()));
  CHECK(leaver.hasLeft);
  CHECK(leaver.said(leaver.infos, "left the cluster: everything handed over"));
  CHECK(leaver.warnings.empty());
}

TEST_CASE("the same when only a heartbeat tells of that view") {
  Leaver leaver(before());
  leaver.beat(after().id, false);
  leaver.tick();
  CHECK(leaver.hasLeft);
  CHECK(leaver.said(leaver.infos, "left the cluster: everything handed over"));
  CHECK(leaver.warnings.empty());
}

TEST_CASE("a partition that went to somebody without a copy is a loss and counted") {
  auto first = before();
  first.migrations.clear();
  Leaver leaver(first);
  leaver.core->received(kMasterLink, encodeViewFrame(after()));
  CHECK(leaver.hasLeft);
  CHECK(leaver.said(leaver.warnings, "with 1 partitions not handed over"));
}

TEST_CASE("taken for dead while leaving, and time over: what was owned may be lost") {
  auto first = before();
  first.leaving.clear();
  Leaver dead(first);
  dead.beat(after().id, false);
  dead.tick();
  CHECK(dead.hasLeft);
  CHECK(dead.said(dead.warnings, "gone on without this member) with 2 partitions"));

  Leaver late(before());
  for (int i = 0; i < 400 && !late.hasLeft; ++i) {
    late.beat(before().id, true);
    late.tick();
  }
  CHECK(late.hasLeft);
  CHECK(late.said(late.warnings, "its time is over) with 2 partitions not handed over"));
}
