// Tombstones, and what stays when two halves of a split unite.
#include <algorithm>

#include "data_harness.h"
#include "partition/replica.h"
#include "serialization/data.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
// Two nodes, both holding everything; then each serves alone; then node 1 joins node 0.
struct Split {
  explicit Split(MapConfig config = mapOf("m", 1), Cluster::Tune tune = {})
      : c(2, [&] {
          MapConfigs configs;
          configs.add(config);
          return configs;
        }(), 1, std::move(tune)) {
    c.installNew({{0, 1}});
    c.settle();
  }
  void cut() {
    c.settle();
    c.cut(0, 1);
    c.core(0).viewInstalled(c.view({{0}}));
    c.core(1).viewInstalled(c.view({{1}}));
    c.clock.advance(10);
  }
  void heal() {
    c.core(1).keepEntriesForMerge();
    c.core(1).viewInstalled(nullptr);
    c.link(0, 1);
    c.installNew({{0, 1}});
    c.run(200);
  }
  services::MergeStats stats() { return c.core(1).mergeStats()["m"]; }
  Cluster c;
};
}  // namespace

TEST_CASE("what one half removed does not come back from the other") {
  Split s;
  s.c.call(0, MapOp::kSet, "gone-here", "v");
  s.c.call(0, MapOp::kSet, "gone-there", "v");
  s.c.call(0, MapOp::kSet, "newer-there", "v");
  s.cut();
  s.c.call(0, MapOp::kRemove, "gone-here");
  s.c.call(1, MapOp::kRemove, "gone-there");
  s.c.call(0, MapOp::kRemove, "newer-there");
  s.c.clock.advance(10);
  s.c.call(1, MapOp::kSet, "newer-there", "w");
  CHECK(s.c.core(0).figures().tombstones == 2);
  s.heal();
  CHECK(s.c.get(0, "gone-here") == "(none)");
  CHECK(s.c.get(0, "gone-there") == "(none)");
  CHECK(s.c.get(0, "newer-there") == "w");
  CHECK(s.stats().droppedRemoved == 1);
  CHECK(s.stats().removals == 1);
  CHECK(s.stats().added == 1);
  CHECK(s.c.core(1).localStats("m").backupEntryCount == 1);  // backups heard of it all
}

TEST_CASE("clear() on one half clears what is older on the other and spares what is newer") {
  Split s;
  for (int i = 0; i < 50; ++i) s.c.call(0, MapOp::kSet, "k" + std::to_string(i), "v");
  s.cut();
  Answer<std::uint64_t> cleared;
  SUBCASE("the joining half cleared") {
    s.c.core(1).clear("m", cleared.take());
    s.c.clock.advance(10);
    s.c.call(0, MapOp::kSet, "k1", "later");
  }
  SUBCASE("the other half cleared") {
    s.c.core(0).clear("m", cleared.take());
    s.c.clock.advance(10);
    s.c.call(1, MapOp::kSet, "k1", "later");
  }
  CHECK(cleared.value() == 50);
  CHECK(s.c.core(0).figures().tombstones + s.c.core(1).figures().tombstones == 1);
  s.heal();
  CHECK(s.c.core(0).localStats("m").ownedEntryCount == 1);
  CHECK(s.c.core(1).localStats("m").backupEntryCount == 1);
  CHECK(s.c.get(0, "k1") == "later");
}

TEST_CASE("idle expiry on one half never kills what the other half uses, in both directions") {
  for (const bool joinerUses : {true, false}) {
    Split s(mapOf("m", 1, 0, 0, 5));
    s.c.call(0, MapOp::kSet, "session", "v");
    s.cut();
    for (int i = 0; i < 10; ++i) {
      s.c.clock.advance(1000);
      s.c.core(0).tick();
      s.c.core(1).tick();
      CHECK(s.c.get(joinerUses ? 1 : 0, "session") == "v");
    }
    CHECK(s.c.core(joinerUses ? 0 : 1).localStats("m").ownedEntryCount == 0);
    s.heal();
    CHECK(s.c.get(0, "session") == "v");
  }
}

TEST_CASE("a copy and a promotion carry the tombstones along") {
  Split s;
  s.c.call(0, MapOp::kSet, "k", "v");
  s.cut();
  s.c.call(0, MapOp::kRemove, "k");
  const int third = s.c.addNode();
  s.c.core(0).viewInstalled(s.c.view({{0, third}}));
  s.c.core(third).viewInstalled(s.c.view({{0, third}}));
  s.c.settle();
  CHECK(s.c.core(third).figures().tombstones == 1);
  s.c.core(1).keepEntriesForMerge();
  s.c.core(1).viewInstalled(nullptr);
  s.c.link(0, 1);
  s.c.installNew({{third, 1}});
  s.c.run(200);
  CHECK(s.c.get(0, "k") == "(none)");
  CHECK(s.stats().droppedRemoved == 1);
}

TEST_CASE("each merge policy decides as its name says") {
  const auto united = [](MergePolicy policy) {
    MapConfig config = mapOf("m", 1);
    config.mergePolicy = policy;
    Split s(config);
    s.c.call(0, MapOp::kSet, "both", "old");
    s.cut();
    s.c.call(1, MapOp::kSet, "both", "joiner");
    s.c.get(1, "both");
    s.c.call(1, MapOp::kSet, "joiner-only", "joiner");
    s.c.clock.advance(10);
    s.c.call(0, MapOp::kSet, "both", "newer");
    s.heal();
    return s.c.get(0, "both") + " " + s.c.get(0, "joiner-only");
  };
  CHECK(united(MergePolicy::kLatestUpdate) == "newer joiner");
  CHECK(united(MergePolicy::kPutIfAbsent) == "newer joiner");
  CHECK(united(MergePolicy::kHigherHits) == "joiner joiner");
  CHECK(united(MergePolicy::kPassThrough) == "joiner joiner");
  CHECK(united(MergePolicy::kDiscard) == "newer (none)");
  CHECK(mergePolicyByName("LatestUpdateMergePolicy") == MergePolicy::kLatestUpdate);
  CHECK(mergePolicyByName("com.hazelcast.spi.merge.HigherHitsMergePolicy") ==
        MergePolicy::kHigherHits);
  CHECK(mergePolicyByName("com.hazelcast.map.merge.PassThroughMergePolicy") ==
        MergePolicy::kPassThrough);
  CHECK_FALSE(mergePolicyByName("newest"));
}

TEST_CASE("a merge that a second split or a dead owner interrupts begins again") {
  Split s;
  s.cut();
  for (int i = 0; i < 600; ++i) s.c.call(1, MapOp::kSet, "k" + std::to_string(i), "v");
  s.c.core(1).keepEntriesForMerge();
  s.c.core(1).viewInstalled(nullptr);
  s.c.link(0, 1);
  const int third = s.c.addNode();
  s.c.installNew({{0, third}});
  s.c.clock.advance(10);
  s.c.core(1).tick();  // the first ones are on their way
  for (int i = 0; i < 50; ++i) s.c.deliverOne();
  s.c.crash(0);
  s.c.installNew({{third, 1}});
  s.c.run(5000);
  Answer<std::uint64_t> size;
  s.c.core(1).size("m", size.take());
  s.c.settle();
  CHECK(size.value() == 600);
  CHECK(s.stats().kept() == 600);
  CHECK(s.c.core(1).mergeBacklog() == 0);
}

TEST_CASE("what a joiner that dies had not offered yet comes from its backup") {
  for (const auto policy : {MergePolicy::kLatestUpdate, MergePolicy::kPassThrough,
                            MergePolicy::kHigherHits, MergePolicy::kPutIfAbsent}) {
    MapConfigs configs;
    MapConfig config = mapOf("m", 1);
    config.mergePolicy = policy;
    configs.add(config);
    Cluster c(3, configs);
    c.installNew({{0, 1}});
    c.call(0, MapOp::kSet, "removed", "v");
    c.call(0, MapOp::kSet, "newer", "v");
    c.settle();
    c.cut(0, 1);
    c.cut(0, 2);
    c.core(0).viewInstalled(c.view({{0}}));
    const auto half = c.view({{1, 2}});
    c.core(1).viewInstalled(half);
    c.core(2).viewInstalled(half);
    c.settle();
    c.clock.advance(10);
    for (int i = 0; i < 1000; ++i) c.call(1, MapOp::kSet, "k" + std::to_string(i), "v");
    c.call(1, MapOp::kRemove, "removed");
    c.settle();
    c.clock.advance(10);
    c.call(0, MapOp::kSet, "newer", "w");
    for (const int joiner : {1, 2}) {
      c.core(joiner).keepEntriesForMerge();
      c.core(joiner).viewInstalled(nullptr);
    }
    CHECK(c.core(2).mergeBacklog() > 0);
    c.crash(1);
    c.link(0, 2);
    c.installNew({{0, 2}});
    c.run(1000);
    Answer<std::uint64_t> size;
    c.core(0).size("m", size.take());
    c.settle();
    const bool removes = policy == MergePolicy::kLatestUpdate || policy == MergePolicy::kPassThrough;
    CHECK(size.value() == 1000 + (removes ? 1 : 2));
    CHECK(c.get(0, "newer") == "w");
    CHECK(c.core(2).mergeBacklog() == 0);
    CHECK(c.core(2).localStats("m").backupEntryCount == size.value());
  }
}

TEST_CASE("offers of backups change nothing that was written or removed since") {
  for (const auto policy : {MergePolicy::kLatestUpdate, MergePolicy::kPassThrough,
                            MergePolicy::kHigherHits, MergePolicy::kPutIfAbsent}) {
    MapConfigs configs;
    MapConfig config = mapOf("m", 1);
    config.mergePolicy = policy;
    configs.add(config);
    Cluster c(3, configs);
    c.installNew({{0}});
    c.cut(0, 1);
    c.cut(0, 2);
    const auto half = c.view({{1, 2}});
    c.core(1).viewInstalled(half);
    c.core(2).viewInstalled(half);
    c.settle();
    c.call(1, MapOp::kSet, "written", "old");
    c.call(1, MapOp::kSet, "removed", "old");
    for (int i = 0; i < 5; ++i) c.get(1, "written");
    c.settle();
    c.clock.advance(10);
    for (const int joiner : {1, 2}) {
      c.core(joiner).keepEntriesForMerge();
      c.core(joiner).viewInstalled(nullptr);
    }
    c.link(0, 1);
    c.installNew({{0, 1}});  // the owner offers, its backup is late
    c.run(100);
    CHECK(c.get(0, "written") == "old");
    c.call(0, MapOp::kSet, "written", "new");
    c.call(0, MapOp::kRemove, "removed");
    c.run(100);
    c.link(0, 2);
    c.installNew({{0, 1}});
    c.run(500);
    CHECK(c.core(2).mergeBacklog() == 0);
    CHECK(c.get(0, "written") == "new");
    CHECK(c.get(0, "removed") == "(none)");
    CHECK(c.core(1).mergeStats()["m"].kept() == 2);
  }
}

TEST_CASE("tombstones are bounded by number and bytes, and swept after their time") {
  TombstoneLog log(100, 1 << 20);
  RecordStore store;
  for (int i = 0; i < 250; ++i)
    store.bury(log, "key" + std::to_string(i), Burial::kRemoved, {static_cast<std::uint64_t>(i), 1}, i);
  CHECK(log.size() == 100);
  CHECK(log.dropped() == 150);
  CHECK(store.above("key0", {0, 0}) == nullptr);
  CHECK(store.above("key249", {0, 0}) != nullptr);
  CHECK(store.above("key249", {249, 1}) == nullptr);  // equal is not older
  store.put("key249", "v", {});
  CHECK(log.size() == 99);
  log.sweep(1000 + 200, 1000);
  CHECK(log.size() == 48);
  store.clear();
  CHECK(log.size() == 0);
  CHECK(log.bytes() == 0);
  TombstoneLog small(1000, 10 * (sizeof(Tombstone) + 20));
  RecordStore other;
  for (int i = 0; i < 50; ++i)
    other.bury(small, std::to_string(1000 + i), Burial::kRemoved, {1, 1}, i);
  CHECK(small.size() == 10);
}

TEST_CASE("after its time a removal is forgotten") {
  Split s(mapOf("m", 1), [](ShardSettings& settings) { settings.tombstoneMillis = 2000; });
  s.c.call(0, MapOp::kSet, "k", "v");
  s.c.call(0, MapOp::kRemove, "k");
  s.c.settle();
  CHECK(s.c.core(0).figures().tombstones == 1);
  CHECK(s.c.core(1).figures().tombstones == 1);
  s.c.run(2100);
  CHECK(s.c.core(0).figures().tombstones == 0);
  CHECK(s.c.core(1).figures().tombstones == 0);
}

TEST_CASE("a retry of an operation that is not remembered any more is not applied again") {
  RecentOperations recent;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    RecentOperations::Entry e;
    e.id = {{1, 1}, i};
    e.at = 1;
    recent.add(std::move(e), 1000);
  }
  CHECK(recent.find({{1, 1}, 2000}) != nullptr);
  CHECK(recent.find({{1, 1}, 1}) == nullptr);
  CHECK(recent.forgotten({{1, 1}, 1}));
  CHECK(recent.forgotten({{1, 1}, 2000 - RecentOperations::kMaxEntries}));
  CHECK_FALSE(recent.forgotten({{1, 1}, 2000}));
  CHECK_FALSE(recent.forgotten({{2, 2}, 1}));

  Cluster c(2);
  c.installNew({{0}});
  c.settle();
  c.hold(0, 1);  // answers do not come
  auto first = c.call(1, MapOp::kPutIfAbsent, "k", "1");
  for (int i = 0; i < 600; ++i) c.call(1, MapOp::kSet, "other" + std::to_string(i), "v");
  c.settle();
  c.cut(0, 1);
  c.hold(0, 1, false);
  c.call(0, MapOp::kRemove, "k");
  c.link(0, 1);
  c.settle();
  CHECK(first.code() == Code::kGridIndeterminate);
  CHECK(c.get(0, "k") == "(none)");
  CHECK(c.core(0).figures().indeterminateRetries > 0);
}

TEST_CASE("higher-number: the higher of two numbers stays whenever it was written, removals take part") {
  MapConfig config = mapOf("m", 1);
  config.mergePolicy = MergePolicy::kHigherNumber;
  const auto number = [](std::int64_t n) { return serialization::toData(n); };
  Split s(config);
  s.c.call(0, MapOp::kSet, "gone-there", number(9));
  s.cut();
  s.c.call(1, MapOp::kSet, "joiner", number(7));
  s.c.call(1, MapOp::kSet, "other", number(3));
  s.c.call(1, MapOp::kSet, "text", "older");
  s.c.clock.advance(10);
  s.c.call(0, MapOp::kSet, "joiner", number(5));  // later, and lower
  s.c.call(0, MapOp::kSet, "other", number(4));
  s.c.call(0, MapOp::kSet, "text", "newer");
  s.c.call(1, MapOp::kRemove, "gone-there");
  s.heal();
  CHECK(s.c.get(0, "joiner") == number(7));
  CHECK(s.c.get(0, "other") == number(4));
  CHECK(s.c.get(0, "text") == "newer");
  CHECK(s.c.get(0, "gone-there") == "(none)");
  CHECK(s.stats().replaced == 1);
  CHECK(s.stats().droppedPolicy == 1);
}
