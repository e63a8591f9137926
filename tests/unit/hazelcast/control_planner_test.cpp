// The partition planner as pure functions: removal, restoring, leaving, balance, fewest moves.
#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "partition/planner.h"

using namespace ox;
using namespace ox::grid;

namespace {
Member member(std::uint64_t i, bool lite = false) {
  return {{1, i}, {"10.0.0.1", static_cast<std::uint16_t>(5700 + i)}, lite};
}
ClusterView single(int partitions) {
  ClusterView v;
  v.members = {member(1)};
  v.id = {1, 1, v.members[0].id};
  v.clusterName = "c";
  v.partitions.resize(static_cast<std::size_t>(partitions));
  fillOrphans(v);
  return v;
}
// Orders and executes until nothing is left to do; returns copies made.
int settle(ClusterView& v, const PlanSettings& s) {
  int copies = 0;
  for (int round = 0; round < 10000; ++round) {
    pruneMigrations(v);
    trim(v, s);
    std::map<MemberId, int> busy;
    for (const Migration& m : plan(v, s)) v.migrations.push_back(m);
    REQUIRE(v.validate() == "");
    for (const Migration& m : v.migrations) {
      ++busy[m.target];
      ++busy[v.partitions[m.partition].at[0]];
    }
    for (const auto& [_, n] : busy) REQUIRE(n <= s.perMember);
    if (v.migrations.empty()) return copies;
    const Migration m = v.migrations[static_cast<std::size_t>(round) % v.migrations.size()];
    if (v.partitions[m.partition].indexOf(m.target) < 0) ++copies;
    REQUIRE(applyMigration(v, m, s));
    REQUIRE(v.validate() == "");
  }
  FAIL("the planner never comes to rest");
  return copies;
}
void checkBalanced(const ClusterView& v, int replicas) {
  std::map<MemberId, int> owned;
  std::map<MemberId, int> all;
  for (const Member& m : v.members)
    if (!m.lite) owned[m.id] = all[m.id] = 0;
  for (const Replicas& r : v.partitions) {
    CHECK(r.count == replicas);
    ++owned[r.at[0]];
    for (std::size_t i = 0; i < r.count; ++i) ++all[r.at[i]];
  }
  const auto range = [](const std::map<MemberId, int>& counts) {
    int low = 1 << 30;
    int high = 0;
    for (const auto& [_, n] : counts) {
      low = std::min(low, n);
      high = std::max(high, n);
    }
    return high - low;
  };
  CHECK(range(owned) <= 1);
  CHECK(range(all) <= 2);
}
}  // namespace

TEST_CASE("a fresh single member owns everything at once") {
  ClusterView v = single(271);
  for (const Replicas& r : v.partitions) CHECK(r.at[0] == v.members[0].id);
  CHECK(plan(v, {}).empty());
}

TEST_CASE("a second member gets all backups and half of the ownership") {
  ClusterView v = single(271);
  v.members.push_back(member(2));
  CHECK(settle(v, {1, 8}) == 271);  // one copy of each partition, ownership moves for free
  checkBalanced(v, 2);
}

TEST_CASE("a newcomer gets its share and nobody else copies") {
  ClusterView v = single(271);
  v.members.push_back(member(2));
  v.members.push_back(member(3));
  settle(v, {1, 8});
  checkBalanced(v, 2);
  v.members.push_back(member(4));
  const int copies = settle(v, {1, 8});
  checkBalanced(v, 2);
  CHECK(copies <= 271 * 2 / 4 + 4);
}

TEST_CASE("after a crash the next replica serves and missing copies come first") {
  ClusterView v = single(31);
  for (std::uint64_t i = 2; i <= 3; ++i) v.members.push_back(member(i));
  settle(v, {1, 8});
  const ClusterView before = v;
  removeMembers(v, {v.members[1].id});
  CHECK(fillOrphans(v) == 0);
  for (std::size_t p = 0; p < v.partitions.size(); ++p) {
    CHECK(v.partitions[p].count >= 1);
    CHECK(before.partitions[p].indexOf(v.partitions[p].at[0]) >= 0);
  }
  for (const Migration& m : plan(v, {1, 64})) {
    CHECK(v.partitions[m.partition].count == 1);
    CHECK_FALSE(m.becomesOwner);
  }
  settle(v, {1, 8});
  checkBalanced(v, 2);
}

TEST_CASE("a crash ends the migrations it touches and only those") {
  ClusterView v = single(8);
  for (std::uint64_t i = 2; i <= 3; ++i) v.members.push_back(member(i));
  v.migrations = {{0, v.members[1].id, false, 1, 255}, {1, v.members[2].id, false, 1, 255}};
  removeMembers(v, {v.members[1].id});
  REQUIRE(v.migrations.size() == 1);
  CHECK(v.migrations[0].partition == 1);
}

TEST_CASE("losing all copies gives new empty owners, evenly") {
  ClusterView v = single(10);
  v.members.push_back(member(2));
  v.members.push_back(member(3));
  removeMembers(v, {v.members[0].id});
  CHECK(fillOrphans(v) == 10);
  checkBalanced(v, 1);
}

TEST_CASE("leaving members hand everything over, two at once as well") {
  for (const int backups : {0, 1, 2}) {
    ClusterView v = single(31);
    for (std::uint64_t i = 2; i <= 4; ++i) v.members.push_back(member(i));
    settle(v, {backups, 4});
    v.leaving = {v.members[0].id, v.members[2].id};
    settle(v, {backups, 4});
    CHECK(holdsNothing(v, v.leaving[0]));
    CHECK(holdsNothing(v, v.leaving[1]));
    removeMembers(v, {v.members[0].id, v.members[2].id});
    checkBalanced(v, std::min(backups + 1, 2));
  }
}

TEST_CASE("lite members own nothing") {
  ClusterView v = single(7);
  v.members.push_back(member(2, true));
  v.members.push_back(member(3));
  settle(v, {1, 2});
  CHECK(holdsNothing(v, v.members[1].id));
  checkBalanced(v, 2);
}

TEST_CASE("a reported migration that was not ordered changes nothing") {
  ClusterView v = single(4);
  v.members.push_back(member(2));
  const ClusterView before = v;
  CHECK_FALSE(applyMigration(v, {0, v.members[1].id, true, 0, 255}, {}));
  CHECK(v.partitions == before.partitions);
}

TEST_CASE("any sequence of joins, crashes and leaves comes to rest, sound and balanced") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SeededRandom random(seed);
    const PlanSettings s{static_cast<int>(1 + random.below(3)),
                         static_cast<int>(1 + random.below(9))};
    ClusterView v = single(31);
    std::uint64_t next = 2;
    for (int step = 0; step < 12; ++step) {
      if (v.members.size() < 2 || random.chance(1, 2)) {
        v.members.push_back(member(next++));
      } else {
        const MemberId id = v.members[random.below(v.members.size())].id;
        if (random.chance(1, 2)) v.leaving = {id};
        if (v.leaving.empty()) removeMembers(v, {id});
      }
      fillOrphans(v);
      settle(v, s);
      if (!v.leaving.empty()) {
        CHECK(holdsNothing(v, v.leaving[0]));
        removeMembers(v, {v.leaving[0]});
        settle(v, s);
      }
      checkBalanced(v, std::min<int>(s.backupCopies + 1, static_cast<int>(v.members.size())));
    }
  }
}
