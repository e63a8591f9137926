// Backups: acknowledgement, mismatch, promotion, retries, different backup counts.
#include "data_harness.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

TEST_CASE("a write is acknowledged only after its backup acknowledged") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  CHECK(c.core(0).unsyncedReplicas() == 0);
  c.hold(0, 1);
  auto set = c.call(0, MapOp::kSet, "k", "v");
  c.settle();
  CHECK_FALSE(set.done());
  c.hold(0, 1, false);
  c.settle();
  CHECK(set.value().applied);
  CHECK(c.core(1).localStats("m").backupEntryCount == 1);
  CHECK(c.core(1).localStats("m").backupEntryMemoryCost ==
        c.core(0).localStats("m").ownedEntryMemoryCost);
}

TEST_CASE("who has seen a write that no backup has yet waits with the writer") {
  Cluster c(3);
  c.installNew({{0, 1, 2}});
  c.settle();
  c.call(0, MapOp::kSet, "other", "o");
  c.call(0, MapOp::kSet, "k", "old");
  c.settle();
  c.hold(0, 1);
  auto set = c.call(0, MapOp::kSet, "k", "new");
  auto read = c.call(0, MapOp::kGet, "k");
  auto refused = c.call(0, MapOp::kPutIfAbsent, "k", "mine");
  auto remote = c.call(2, MapOp::kGet, "k");
  auto other = c.call(0, MapOp::kGet, "other");
  c.settle();
  CHECK_FALSE(set.done());
  CHECK_FALSE(read.done());
  CHECK_FALSE(refused.done());
  CHECK_FALSE(remote.done());
  CHECK(other.value().value == "o");
  c.hold(0, 1, false);
  c.settle();
  CHECK(set.value().applied);
  CHECK(read.value().value == "new");
  CHECK_FALSE(refused.value().applied);
  CHECK(remote.value().value == "new");
}

TEST_CASE("a crash of the owner takes nothing back that a reader was told") {
  Cluster c(3);
  c.installNew({{0, 1, 2}});
  c.settle();
  c.call(0, MapOp::kSet, "k", "old");
  c.settle();
  c.cut(0, 1);
  c.call(0, MapOp::kSet, "k", "new");
  auto read = c.call(2, MapOp::kGet, "k");
  c.settle();
  CHECK_FALSE(read.done());
  c.crash(0);
  c.installNew({{1, 2}});
  c.settle();
  CHECK(read.value().value == "old");
}

TEST_CASE("a write whose backup is gone from the view is acknowledged") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(0, 1);
  auto set = c.call(0, MapOp::kSet, "k", "v");
  c.crash(1);
  c.settle();
  CHECK_FALSE(set.done());
  c.installNew({{0}});
  CHECK(set.value().applied);
}

TEST_CASE("a write that is not acknowledged in time is indeterminate") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.cut(0, 1);
  auto local = c.call(0, MapOp::kSet, "k", "v");
  c.run(30100);
  CHECK(local.code() == Code::kGridIndeterminate);
}

TEST_CASE("without backups a write is done at once") {
  MapConfigs configs;
  configs.add(mapOf("none", 0));
  Cluster c(2, configs);
  c.installNew({{0, 1}});
  CHECK(c.call(0, MapOp::kSet, "k", "v", "none").value().applied);
  c.settle();
  CHECK(c.core(1).localStats("none").backupEntryCount == 0);
  // From the other member it takes one round trip.
  CHECK(c.get(1, "k", "none") == "v");
}

TEST_CASE("maps of different counts in one partition reach just their backups") {
  MapConfigs configs;
  configs.add(mapOf("zero", 0));
  configs.add(mapOf("two", 2));
  configs.add(mapOf("async", 0, 1));
  Cluster c(3, configs);
  c.installNew({{0, 1, 2}});
  c.settle();
  for (int i = 0; i < 20; ++i) {
    for (const char* m : {"zero", "one", "two", "async"})
      c.call(0, MapOp::kSet, "k" + std::to_string(i), "v", m);
  }
  c.settle();
  CHECK(c.core(1).localStats("zero").backupEntryCount == 0);
  CHECK(c.core(1).localStats("one").backupEntryCount == 20);
  CHECK(c.core(1).localStats("async").backupEntryCount == 20);
  CHECK(c.core(1).localStats("two").backupEntryCount == 20);
  CHECK(c.core(2).localStats("one").backupEntryCount == 0);
  CHECK(c.core(2).localStats("two").backupEntryCount == 20);
  CHECK(c.core(0).unsyncedReplicas() == 0);
  // Two backups are waited for, an asynchronous one is not.
  c.hold(0, 2);
  auto two = c.call(0, MapOp::kSet, "k", "v", "two");
  auto one = c.call(0, MapOp::kSet, "k", "v", "one");
  c.hold(0, 1);
  auto async = c.call(0, MapOp::kSet, "k", "v", "async");
  CHECK(async.value().applied);
  c.hold(0, 1, false);
  c.settle();
  CHECK(one.value().applied);
  CHECK_FALSE(two.done());
  c.hold(0, 2, false);
  c.settle();
  CHECK(two.value().applied);

  // The second backup moves up after a crash: it lacks the maps of one copy and gets them.
  c.crash(1);
  c.installNew({{0, 2}});
  auto late = c.call(0, MapOp::kSet, "late", "v", "one");
  c.settle();
  CHECK(late.value().applied);
  CHECK(c.core(2).localStats("one").backupEntryCount == 22);
  CHECK(c.core(2).localStats("two").backupEntryCount == 21);
  CHECK(c.core(2).localStats("zero").backupEntryCount == 0);
  CHECK(c.core(0).unsyncedReplicas() == 0);
}

TEST_CASE("none to six backups: each count reaches as many members and waits for all of them") {
  constexpr int kMost = 6;
  const auto name = [](int count) { return "m" + std::to_string(count); };
  MapConfigs configs;
  for (int count = 0; count <= kMost; ++count) configs.add(mapOf(name(count), count));
  Cluster c(kMost + 1, configs);
  c.installNew({{0, 1, 2, 3, 4, 5, 6}});
  c.settle();
  for (int count = 0; count <= kMost; ++count) {
    if (count > 0) c.hold(0, count);  // the last one that must have it
    auto set = c.call(0, MapOp::kSet, "k", "v", name(count));
    c.settle();
    CHECK(set.done() == (count == 0));
    if (count > 0) c.hold(0, count, false);
    c.settle();
    CHECK(set.value().applied);
    for (int node = 1; node <= kMost; ++node)
      CHECK(c.core(node).localStats(name(count)).backupEntryCount == (node <= count ? 1U : 0U));
  }
  // All but the last copy are gone: it serves.
  for (int node = 1; node < kMost; ++node) c.crash(node);
  c.installNew({{6, 0}});
  CHECK(c.get(6, "k", name(6)) == "v");
}

TEST_CASE("a backup that missed writes heals by a full copy") {
  Cluster c(2);
  c.installNew({{0, 1}});
  for (int i = 0; i < 200; ++i) c.call(0, MapOp::kSet, "k" + std::to_string(i), "value");
  c.settle();
  c.hold(0, 1);
  auto lost = c.call(0, MapOp::kRemove, "k1");
  c.cut(0, 1);
  c.hold(0, 1, false);
  auto waiting = c.call(0, MapOp::kSet, "new", "v");
  CHECK(c.core(0).unsyncedReplicas() == 1);
  c.settle();
  CHECK_FALSE(lost.done());
  c.link(0, 1);
  auto during = c.call(0, MapOp::kSet, "during", "v");
  c.settle();
  CHECK(lost.value().applied);
  CHECK(waiting.value().applied);
  CHECK(during.value().applied);
  CHECK(c.core(1).localStats("m").backupEntryCount == 201);
  CHECK(c.core(0).unsyncedReplicas() == 0);
  c.crash(0);
  c.installNew({{1}});
  CHECK(c.get(1, "k1") == "(none)");
  CHECK(c.get(1, "during") == "v");
}

TEST_CASE("a lost frame on a living link is found by the next write or by the comparison") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  auto a = c.call(0, MapOp::kSet, "a", "1");
  REQUIRE(c.wire(0, 1).size() == 1);
  c.wire(0, 1).clear();
  SUBCASE("next write") {
    auto b = c.call(0, MapOp::kSet, "b", "2");
    c.settle();
    CHECK(b.value().applied);
  }
  SUBCASE("comparison") { c.run(6000); }
  CHECK(a.value().applied);
  CHECK(c.core(1).localStats("m").backupEntryCount >= 1);
}

TEST_CASE("a promoted backup serves every acknowledged write and its writes are newer") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  std::vector<Answer<MapReply>> sets;
  for (int i = 0; i < 100; ++i)
    sets.push_back(c.call(2, MapOp::kSet, "k" + std::to_string(i), std::to_string(i)));
  for (int i = 0; i < 300; ++i) c.deliverOne();
  c.crash(0);
  c.installNew({{1, 2}});
  c.settle();
  int acknowledged = 0;
  for (int i = 0; i < 100; ++i) {
    c.run(0);
    if (!sets[static_cast<std::size_t>(i)].done()) continue;
    ++acknowledged;
    CHECK(c.get(2, "k" + std::to_string(i)) == std::to_string(i));
  }
  CHECK(acknowledged == 100);  // the rest was sent again to the new owner
  CHECK(c.core(1).unsyncedReplicas() == 0);
  CHECK(c.core(2).localStats("m").backupEntryCount == 100);
}

TEST_CASE("a retry after the owner's crash is answered with the first result") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(0, 2);  // the answer never arrives
  auto absent = c.call(2, MapOp::kPutIfAbsent, "k", "mine");
  auto put = c.call(2, MapOp::kPut, "p", "2");
  c.settle();
  CHECK(c.core(1).localStats("m").backupEntryCount == 2);
  c.crash(0);
  c.installNew({{1, 2}});
  c.settle();
  CHECK(absent.value().applied);
  CHECK_FALSE(absent.value().value.has_value());
  CHECK_FALSE(put.value().value.has_value());  // not its own "2"
}

TEST_CASE("a retry at the same owner is not applied twice, and waits for the backups") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(0, 1);
  auto put = c.call(2, MapOp::kPut, "k", "v");
  c.settle();
  c.cut(0, 2);
  c.link(0, 2);
  c.settle();
  CHECK_FALSE(put.done());
  c.hold(0, 1, false);
  c.settle();
  CHECK(put.value().applied);
  CHECK_FALSE(put.value().value.has_value());
}

TEST_CASE("a copy carries the recent operations along") {
  Cluster c(4);
  c.installNew({{0, 1}});
  c.settle();
  c.hold(0, 3);
  auto put = c.call(3, MapOp::kPut, "k", "v");
  c.settle();
  c.crash(1);
  c.installNew({{0, 2}});  // the new backup has nothing: full copy
  c.settle();
  CHECK(c.core(0).unsyncedReplicas() == 0);
  c.crash(0);
  c.installNew({{2, 3}});
  c.settle();
  CHECK(put.value().applied);
  CHECK_FALSE(put.value().value.has_value());
}

TEST_CASE("an owner that the view has replaced cannot get a write acknowledged") {
  Cluster c(3);
  c.installNew({{0, 1}});
  c.settle();
  auto v = c.view({{1, 2}});
  c.core(1).viewInstalled(v);
  c.core(2).viewInstalled(v);  // member 0 does not know yet
  auto old = c.call(0, MapOp::kSet, "k", "old");
  c.settle();
  CHECK_FALSE(old.done());
  c.core(0).viewInstalled(v);
  c.settle();
  CHECK(old.code() == Code::kGridIndeterminate);
  CHECK(c.get(0, "k") == "(none)");
}

TEST_CASE("frames of a view that is still on its way wait for it") {
  Cluster c(2);
  auto v = c.view({{0, 1}});
  c.core(0).viewInstalled(v);
  auto set = c.call(0, MapOp::kSet, "k", "v");
  c.settle();
  CHECK_FALSE(set.done());
  c.core(1).viewInstalled(v);
  c.settle();
  CHECK(set.value().applied);
}

TEST_CASE("only the owner expires, and idle times start anew after a promotion") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "ttl", "v", "m", {}, 5000);
  c.call(0, MapOp::kSet, "idle", "v", "m", {}, 0, 5000);
  c.settle();
  for (int i = 0; i < 6; ++i) {
    c.clock.advance(1000);
    CHECK(c.get(0, "idle") == "v");
  }
  c.core(1).tick();
  CHECK(c.core(1).localStats("m").backupEntryCount == 2);  // past its ttl, but not its decision
  c.core(0).tick();
  c.settle();
  CHECK(c.core(0).localStats("m").ownedEntryCount == 1);
  CHECK(c.core(1).localStats("m").backupEntryCount == 1);
  c.crash(0);
  c.installNew({{1}});
  c.clock.advance(4000);
  CHECK(c.get(1, "idle") == "v");
  c.clock.advance(5000);
  CHECK(c.get(1, "idle") == "(none)");
}
