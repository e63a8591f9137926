// The fence after a pause, the memory limit, the minimum size, reads from a local backup.
#include <algorithm>
#include <set>

#include "data_harness.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
MapConfigs with(MapConfig config) {
  MapConfigs configs;
  configs.add(std::move(config));
  return configs;
}
void fence(ShardSettings& s) { s.fenceMillis = 5000; }
}  // namespace

TEST_CASE("an owner that stood still answers nothing before its view is confirmed") {
  for (const bool replaced : {false, true}) {
    for (const bool suspended : {false, true}) {
      Cluster c(3, {}, 1, fence);
      c.installNew({{0, 1}});
      c.settle();
      c.call(0, MapOp::kSet, "k", "old");
      c.settle();
      // In a suspended machine the steady clock stands still as well.
      if (suspended) c.clock.wall += 6000;
      else c.clock.advance(6000);
      auto read = c.call(0, MapOp::kGet, "k");
      auto write = c.call(0, MapOp::kSet, "k", "local");
      auto remote = c.call(2, MapOp::kGet, "k");
      c.settle();
      CHECK(c.node(0).pauses == 1);
      CHECK_FALSE(read.done());
      CHECK_FALSE(write.done());
      CHECK_FALSE(remote.done());
      CHECK(c.core(0).figures().fences == 1);
      if (replaced) {
        auto v = c.view({{1, 2}});
        for (const int n : {1, 2}) {
          c.core(n).viewInstalled(v);
          c.node(n).confirmed();
        }
        c.call(1, MapOp::kSet, "k", "new");
        c.settle();
        c.core(0).viewInstalled(v);
      }
      c.node(0).confirmed();
      c.run(100);
      CHECK(read.value().value == (replaced ? "new" : "old"));
      CHECK(write.value().applied);
      CHECK(remote.value().value.has_value());
      CHECK(remote.value().value != (replaced ? "old" : "new"));
    }
  }
}

TEST_CASE("a write that waited for its backup during the pause is answered after the confirmation") {
  Cluster c(2, {}, 1, fence);
  c.installNew({{0, 1}});
  c.settle();
  auto set = c.call(0, MapOp::kSet, "k", "v");
  c.clock.advance(6000);
  c.settle();  // the acknowledgement arrives
  CHECK_FALSE(set.done());
  c.node(0).confirmed();
  c.settle();
  CHECK(set.value().applied);
}

TEST_CASE("a confirmation that arrives after another pause confirms nothing") {
  Cluster c(1, {}, 1, fence);
  c.installNew({{0}});
  c.clock.advance(6000);
  auto read = c.call(0, MapOp::kGet, "k");
  const std::uint64_t first = c.node(0).fence;
  c.clock.advance(6000);
  c.core(0).confirmed({first});
  CHECK(c.node(0).pauses == 2);
  CHECK(c.node(0).fence != first);
  CHECK_FALSE(read.done());
  // It may have lain in a queue for long, behind the question of the second pause.
  c.core(0).confirmed({first});
  CHECK_FALSE(read.done());
  c.core(0).confirmed({first, c.node(0).fence});
  CHECK(read.done());
}

TEST_CASE("the fences of two shards of a member have different numbers") {
  std::set<std::uint64_t> seen;
  for (const int index : {0, 1}) {
    Cluster c(1, {}, 2, [&](ShardSettings& s) {
      fence(s);
      s.shardIndex = index;
      s.shardCount = 2;
    });
    c.installNew({{0}});
    for (int pause = 0; pause < 3; ++pause) {
      c.clock.advance(6000);
      c.core(0).tick();
      seen.insert(c.node(0).fence);
    }
  }
  CHECK(seen.size() == 6);
}

TEST_CASE("short pauses and a fence that is off change nothing") {
  Cluster c(1, {}, 1, fence);
  c.installNew({{0}});
  c.clock.advance(4900);
  CHECK(c.call(0, MapOp::kSet, "k", "v").done());
  Cluster off(1);
  off.installNew({{0}});
  off.clock.advance(60000);
  CHECK(off.call(0, MapOp::kSet, "k", "v").done());
}

TEST_CASE("at the memory limit writes that need room are refused, nothing else") {
  const auto budget = std::make_shared<MemoryBudget>(100'000, 20'000);
  MapConfigs configs;
  MapConfig cache = mapOf("cache", 1);
  cache.discardable = true;
  configs.add(cache);
  Cluster c(2, configs, 1, [&](ShardSettings& s) {
    if (s.self.lo == 1) s.memory = budget;
  });
  c.installNew({{0, 1}});
  int stored = 0;
  Code refused = Code::kInternal;
  for (int i = 0; i < 200; ++i) {
    auto a = c.call(0, MapOp::kSet, "k" + std::to_string(i), std::string(1000, 'v'));
    c.settle();
    if (a.got->front().ok()) ++stored;
    else refused = a.code();
  }
  CHECK(refused == Code::kGridMemory);
  CHECK(stored > 80);
  CHECK(stored < 100);
  CHECK(c.core(0).localStats("m").ownedEntryCount == static_cast<std::uint64_t>(stored));
  CHECK(c.core(0).figures().memoryRefused == static_cast<std::uint64_t>(200 - stored));
  auto same = c.call(0, MapOp::kSet, "k1", std::string(1000, 'w'));
  auto removed = c.call(0, MapOp::kRemove, "k2");
  c.settle();
  CHECK(same.value().applied);
  CHECK(removed.value().applied);
  // A limit of its own: the cache is not touched by the sessions, nor they by it.
  int cached = 0;
  for (int i = 0; i < 100; ++i) {
    auto a = c.call(0, MapOp::kSet, "c" + std::to_string(i), std::string(1000, 'v'), "cache");
    c.settle();
    cached += a.got->front().ok() ? 1 : 0;
  }
  CHECK(cached > 10);
  CHECK(cached < 20);
  // Backups are not refused.
  c.installNew({{1, 0}});
  for (int i = 0; i < 100; ++i)
    c.call(1, MapOp::kSet, "b" + std::to_string(i), std::string(1000, 'v'));
  c.settle();
  CHECK(c.core(0).localStats("m").backupEntryCount ==
        c.core(1).localStats("m").ownedEntryCount);
  c.core(0).tick();
  CHECK(budget->used(MemoryPool::kKept) > 100'000);
  c.core(0).viewInstalled(nullptr);
  c.core(0).tick();
  CHECK(budget->used(MemoryPool::kKept) == 0);
  CHECK(budget->used(MemoryPool::kDiscardable) == 0);
}

TEST_CASE("the shards of a member keep to one limit, and what one frees the others may use at once") {
  const auto budget = std::make_shared<MemoryBudget>(50'000, 0, 2);
  Cluster c(2, {}, 1, [&](ShardSettings& s) { s.memory = budget; });
  const auto fill = [&](int shard, const std::string& prefix) {
    int stored = 0;
    for (int i = 0; i < 100; ++i)
      stored += c.call(shard, MapOp::kSet, prefix + std::to_string(i), std::string(500, 'v'))
                        .got->front().ok() ? 1 : 0;
    return stored;
  };
  c.core(0).viewInstalled(c.view({{0}}));
  c.core(1).viewInstalled(c.view({{1}}));
  const int first = fill(0, "a");
  CHECK(first > 60);
  CHECK(fill(1, "b") <= 1);  // no tick in between
  for (int i = 0; i < 30; ++i) c.call(0, MapOp::kRemove, "a" + std::to_string(i));
  CHECK(fill(1, "c") > 20);
  CHECK(budget->used(MemoryPool::kKept) <= 50'000);
}

TEST_CASE("below the minimum size of the cluster a map refuses writes, and reads unless told otherwise") {
  MapConfig both = mapOf("both", 1);
  both.minClusterSize = 2;
  MapConfig writes = mapOf("writes", 1);
  writes.minClusterSize = 2;
  writes.protectReads = false;
  MapConfigs configs;
  configs.add(both);
  configs.add(writes);
  Cluster c(2, configs);
  c.installNew({{0, 1}});
  c.settle();
  auto set = c.call(0, MapOp::kSet, "k", "v", "both");
  auto set2 = c.call(0, MapOp::kSet, "k", "v", "writes");
  c.settle();
  CHECK(set.value().applied);
  CHECK(set2.value().applied);
  c.crash(1);
  c.installNew({{0}});
  CHECK(c.call(0, MapOp::kSet, "k", "w", "both").code() == Code::kGridTooFewMembers);
  CHECK(c.call(0, MapOp::kGet, "k", {}, "both").code() == Code::kGridTooFewMembers);
  CHECK(c.call(0, MapOp::kSet, "k", "w", "writes").code() == Code::kGridTooFewMembers);
  CHECK(c.call(0, MapOp::kGet, "k", {}, "writes").value().value == "v");
  CHECK(c.core(0).figures().protectionRefused == 3);
}

TEST_CASE("readBackupData answers from the own synchronous copy, and only from that") {
  MapConfig near = mapOf("near", 1);
  near.readBackupData = true;
  Cluster c(3, with(near));
  c.installNew({{0, 1}});
  c.settle();
  auto set = c.call(1, MapOp::kSet, "k", "v", "near");
  auto idle = c.call(1, MapOp::kSet, "idle", "v", "near", {}, -1, 60000);
  auto ttl = c.call(1, MapOp::kSet, "ttl", "v", "near", {}, 1000);
  c.settle();
  REQUIRE(set.value().applied);
  c.clock.advance(2000);
  const int before = c.sent[Kind::kOperation];
  CHECK(c.call(1, MapOp::kGet, "k", {}, "near").value().value == "v");
  CHECK_FALSE(c.call(1, MapOp::kGet, "ttl", {}, "near").value().value.has_value());
  CHECK_FALSE(c.call(1, MapOp::kContainsKey, "no", {}, "near").value().applied);
  CHECK(c.sent[Kind::kOperation] == before);
  c.get(1, "idle", "near");  // the access must count
  c.get(2, "k", "near");     // holds no copy
  CHECK(c.sent[Kind::kOperation] == before + 2);
}

TEST_CASE("writes with fewer copies than configured are counted") {
  Cluster c(1, with(mapOf("m", 2)));
  c.installNew({{0}});
  CHECK(c.call(0, MapOp::kSet, "k", "v").value().applied);
  CHECK(c.core(0).figures().fewerCopies == 1);
  c.run(31'000);
  CHECK(c.node(0).logs.empty());  // the master tells (control_safe_leave_test.cpp)
}

TEST_CASE("a backup whose content differs although its numbers fit is found and copied anew, once") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "key-a", "v");
  c.settle();
  c.run(12'000);
  CHECK(c.core(0).figures().repairs == 0);
  c.hold(0, 1);
  auto set = c.call(0, MapOp::kSet, "key-b", "v");
  REQUIRE(c.wire(0, 1).size() == 1);
  Bytes& frame = c.wire(0, 1).front();
  const auto at = frame.find("key-b");
  REQUIRE(at != Bytes::npos);
  frame[at + 4] = 'x';
  c.hold(0, 1, false);
  c.settle();
  CHECK(set.value().applied);
  CHECK(c.core(0).unsyncedReplicas() == 0);
  c.run(12'000);
  CHECK(c.core(0).figures().repairs == 1);
  CHECK(c.core(0).unsyncedReplicas() == 0);
  c.crash(0);
  c.installNew({{1}});
  CHECK(c.get(1, "key-a") == "v");
  CHECK(c.get(1, "key-b") == "v");
  CHECK(c.get(1, "key-x") == "(none)");
}
