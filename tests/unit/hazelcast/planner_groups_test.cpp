// Partition groups and exact balance: no two copies in one group, shares as even as groups allow.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "partition/planner.h"
#include "partition_groups.h"

using namespace ox;
using namespace ox::grid;

namespace {
// Member i on host h.
Member on(std::uint64_t i, int host, bool lite = false) {
  return {{1, i}, {"10.0." + std::to_string(host) + ".1", static_cast<std::uint16_t>(5700 + i)},
          lite};
}
PlanSettings hostAware(int backups, int perMember = 8) {
  PlanSettings s;
  s.backupCopies = backups;
  s.perMember = perMember;
  s.groupOf = [](const Member& m) { return std::optional<std::string>(m.address.host); };
  return s;
}
ClusterView cluster(const std::vector<Member>& members, int partitions, const PlanSettings& s) {
  ClusterView v;
  v.members = members;
  v.id = {1, 1, members.front().id};
  v.clusterName = "c";
  v.partitions.resize(static_cast<std::size_t>(partitions));
  fillOrphans(v, s);
  return v;
}
int settle(ClusterView& v, const PlanSettings& s) {
  int copies = 0;
  for (int round = 0; round < 20000; ++round) {
    pruneMigrations(v);
    trim(v, s);
    for (const Migration& m : plan(v, s)) v.migrations.push_back(m);
    REQUIRE(v.validate() == "");
    if (v.migrations.empty()) return copies;
    const Migration m = v.migrations[static_cast<std::size_t>(round) % v.migrations.size()];
    if (v.partitions[m.partition].indexOf(m.target) < 0) ++copies;
    REQUIRE(applyMigration(v, m, s));
  }
  FAIL("the planner never comes to rest");
  return copies;
}
void checkGroups(const ClusterView& v, const PlanSettings& s, int replicas) {
  for (const Replicas& r : v.partitions) {
    REQUIRE(r.count == replicas);
    std::set<std::string> groups;
    for (std::size_t i = 0; i < r.count; ++i) groups.insert(*s.groupOf(*v.find(r.at[i])));
    CHECK(groups.size() == r.count);
  }
}
// Difference between the most and the least: owned by all members, replicas by those of a host.
int ownedRange(const ClusterView& v) {
  std::map<MemberId, int> owned;
  for (const Member& m : v.members)
    if (!m.lite) owned[m.id];
  for (const Replicas& r : v.partitions) ++owned[r.at[0]];
  int low = 1 << 30, high = 0;
  for (const auto& [_, n] : owned) low = std::min(low, n), high = std::max(high, n);
  return high - low;
}
std::map<MemberId, int> replicas(const ClusterView& v) {
  std::map<MemberId, int> all;
  for (const Member& m : v.members)
    if (!m.lite) all[m.id];
  for (const Replicas& r : v.partitions)
    for (std::size_t i = 0; i < r.count; ++i) ++all[r.at[i]];
  return all;
}
int range(const std::map<MemberId, int>& counts) {
  int low = 1 << 30, high = 0;
  for (const auto& [_, n] : counts) low = std::min(low, n), high = std::max(high, n);
  return high - low;
}
}  // namespace

TEST_CASE("two copies are never on one host while there are hosts enough") {
  const auto s = hostAware(1);
  ClusterView v = cluster({on(1, 1), on(2, 1), on(3, 2), on(4, 2)}, 271, s);
  settle(v, s);
  checkGroups(v, s, 2);
  CHECK(ownedRange(v) <= 1);
  CHECK(range(replicas(v)) <= 1);
}

TEST_CASE("one host cannot hold two copies: fewer are made, and those that can be") {
  const auto s = hostAware(2);
  ClusterView v = cluster({on(1, 1), on(2, 1)}, 31, s);
  settle(v, s);
  checkGroups(v, s, 1);
  CHECK(copiesPossible(v, s) == 1);
  v.members.push_back(on(3, 2));
  CHECK(copiesPossible(v, s) == 2);
  settle(v, s);
  checkGroups(v, s, 2);
  CHECK(ownedRange(v) <= 1);
  CHECK(replicas(v)[on(3, 2).id] == 31);  // the only one of its group holds every partition
}

TEST_CASE("hosts with different numbers of members: each member near its possible share") {
  const auto s = hostAware(1);
  ClusterView v = cluster({on(1, 1), on(2, 1), on(3, 1), on(4, 2)}, 270, s);
  settle(v, s);
  checkGroups(v, s, 2);
  auto all = replicas(v);
  CHECK(all[on(4, 2).id] == 270);
  all.erase(on(4, 2).id);
  CHECK(range(all) <= 1);
}

TEST_CASE("a member that no group names holds nothing") {
  PlanSettings s;
  s.groupOf = [](const Member& m) -> std::optional<std::string> {
    return m.address.host == "10.0.3.1" ? std::nullopt
                                        : std::optional<std::string>(m.address.host);
  };
  ClusterView v = cluster({on(3, 3), on(1, 1), on(2, 2)}, 31, s);
  settle(v, s);
  checkGroups(v, s, 2);
  CHECK(replicas(v)[on(3, 3).id] == 0);
  CHECK(holders(v, s).size() == 2);
}

TEST_CASE("two copies that got into one group are parted") {
  const auto s = hostAware(1);
  ClusterView v = cluster({on(1, 1), on(2, 1), on(3, 2)}, 12, s);
  for (Replicas& r : v.partitions) {
    r.at[0] = on(1, 1).id;
    r.at[1] = on(2, 1).id;
    r.count = 2;
  }
  settle(v, s);
  checkGroups(v, s, 2);
}

TEST_CASE("leaving keeps the groups apart, and nobody is asked who leaves, too") {
  const auto s = hostAware(1);
  ClusterView v = cluster({on(1, 1), on(2, 1), on(3, 2), on(4, 2), on(5, 3)}, 64, s);
  settle(v, s);
  v.leaving = {on(1, 1).id, on(5, 3).id};
  settle(v, s);
  checkGroups(v, s, 2);
  CHECK(holdsNothing(v, on(1, 1).id));
  CHECK(holdsNothing(v, on(5, 3).id));
}

TEST_CASE("churn with hosts: sound at every rest, and groups kept apart") {
  SeededRandom random(11);
  for (int round = 0; round < 30; ++round) {
    const auto s = hostAware(static_cast<int>(1 + random.below(2)), 4);
    std::uint64_t next = 1;
    ClusterView v = cluster({on(next++, 0)}, static_cast<int>(7 + random.below(40)), s);
    for (int step = 0; step < 6; ++step) {
      if (v.members.size() < 3 || random.below(3) != 0) {
        v.members.push_back(on(next++, static_cast<int>(random.below(4))));
      } else {
        removeMembers(v, {v.members[random.below(v.members.size())].id});
        fillOrphans(v, s);
      }
      settle(v, s);
      checkGroups(v, s, wantedReplicas(v, s));
      CHECK(ownedRange(v) <= 1);
    }
  }
}

TEST_CASE("without groups replicas differ by at most one, and newcomers cost their share only") {
  SeededRandom random(12);
  for (int round = 0; round < 40; ++round) {
    PlanSettings s;
    s.backupCopies = static_cast<int>(1 + random.below(3));
    const int partitions = static_cast<int>(20 + random.below(120));
    const auto members = static_cast<std::uint64_t>(2 + random.below(6));
    std::vector<Member> list;
    for (std::uint64_t i = 1; i <= members; ++i) list.push_back(on(i, 1));
    ClusterView v = cluster(list, partitions, s);
    settle(v, s);
    CHECK(ownedRange(v) <= 1);
    CHECK(range(replicas(v)) <= 1);
    const ClusterView before = v;
    v.members.push_back(on(members + 1, 1));
    const int copies = settle(v, s);
    CHECK(ownedRange(v) <= 1);
    CHECK(range(replicas(v)) <= 1);
    const int share = replicas(v)[on(members + 1, 1).id];
    // One more copy of each partition when there were too few members for all.
    const int added = (wantedReplicas(v, s) - wantedReplicas(before, s)) * partitions;
    CHECK(copies <= std::max(share, added) + 2 * static_cast<int>(members) + 2);
  }
}

TEST_CASE("a thousand members are planned in time") {
  PlanSettings s;
  s.perMember = 32;
  std::vector<Member> list;
  for (std::uint64_t i = 1; i <= 1000; ++i)
    list.push_back({{1, i}, {"10.0.0.1", static_cast<std::uint16_t>(1000 + i)}, false});
  ClusterView v = cluster(list, 271, s);
  settle(v, s);
  CHECK(ownedRange(v) <= 1);
  CHECK(range(replicas(v)) <= 1);
}
