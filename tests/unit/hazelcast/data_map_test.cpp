// Map operations, expiry, records.
#include "data_harness.h"
#include "map/record_store.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

TEST_CASE("each operation answers as the service promises") {
  Cluster c(1);
  c.installNew({{0}});
  CHECK_FALSE(c.call(0, MapOp::kGet, "k").value().applied);
  CHECK_FALSE(c.call(0, MapOp::kReplace, "k", "x").value().applied);
  CHECK_FALSE(c.call(0, MapOp::kRemove, "k").value().applied);
  CHECK_FALSE(c.call(0, MapOp::kTouch, "k").value().applied);
  CHECK_FALSE(c.call(0, MapOp::kContainsKey, "k").value().applied);
  auto put = c.call(0, MapOp::kPut, "k", "1").value();
  CHECK(put.applied);
  CHECK_FALSE(put.value.has_value());
  CHECK(c.call(0, MapOp::kPut, "k", "2").value().value == "1");
  auto absent = c.call(0, MapOp::kPutIfAbsent, "k", "3").value();
  CHECK_FALSE(absent.applied);
  CHECK(absent.value == "2");
  CHECK(c.call(0, MapOp::kReplace, "k", "a longer value").value().value == "2");
  CHECK_FALSE(c.call(0, MapOp::kReplaceIfSame, "k", "5", "m", "other").value().applied);
  CHECK(c.call(0, MapOp::kReplaceIfSame, "k", "5", "m", "a longer value").value().applied);
  CHECK(c.call(0, MapOp::kContainsKey, "k").value().applied);
  CHECK(c.call(0, MapOp::kTouch, "k").value().applied);
  CHECK(c.get(0, "k") == "5");
  CHECK_FALSE(c.call(0, MapOp::kRemoveIfSame, "k", {}, "m", "4").value().applied);
  CHECK(c.call(0, MapOp::kRemoveIfSame, "k", {}, "m", "5").value().applied);
  CHECK(c.call(0, MapOp::kSet, "k", "6").value().applied);
  CHECK(c.call(0, MapOp::kRemove, "k").value().value == "6");
  CHECK(c.get(0, "k") == "(none)");
  auto stats = c.core(0).localStats("m");
  CHECK(stats.ownedEntryCount == 0);
  CHECK(stats.getOperationCount == 5);
  CHECK(stats.putOperationCount >= 7);
}

TEST_CASE("keys and values compare as Data: the partition hash does not count") {
  Cluster c(1);
  c.installNew({{0}});
  const std::string a("\0\0\0\0\xff\xff\xff\xf5payload", 15);
  const std::string b("\1\2\3\4\xff\xff\xff\xf5payload", 15);
  c.call(0, MapOp::kSet, a, "v");
  CHECK(c.get(0, b) == "v");
  CHECK(c.call(0, MapOp::kReplace, b, a).value().applied);
  CHECK(c.call(0, MapOp::kRemoveIfSame, a, {}, "m", b).value().applied);
}

TEST_CASE("time to live and idle time, from the map and per operation") {
  MapConfigs configs;
  configs.add(mapOf("ttl", 1, 0, 10, 0));
  configs.add(mapOf("idle", 1, 0, 0, 10));
  Cluster c(1, configs);
  c.installNew({{0}});
  c.call(0, MapOp::kSet, "default", "v", "ttl");
  c.call(0, MapOp::kSet, "forever", "v", "ttl", {}, 0);
  c.call(0, MapOp::kSet, "short", "v", "ttl", {}, 1000);
  c.call(0, MapOp::kSet, "a", "v", "idle");
  c.call(0, MapOp::kSet, "b", "v", "idle");
  c.clock.advance(1000);
  CHECK(c.get(0, "short", "ttl") == "(none)");
  CHECK(c.get(0, "default", "ttl") == "v");
  c.clock.advance(5000);
  CHECK(c.call(0, MapOp::kTouch, "a", {}, "idle").value().applied);
  c.clock.advance(5000);
  CHECK(c.get(0, "default", "ttl") == "(none)");
  CHECK(c.get(0, "forever", "ttl") == "v");
  CHECK(c.get(0, "a", "idle") == "v");
  CHECK(c.get(0, "b", "idle") == "(none)");
  // Expired entries are absent for every operation, and swept without being asked for.
  c.call(0, MapOp::kSet, "x", "v", "ttl", {}, 1000);
  c.call(0, MapOp::kSet, "y", "v", "ttl", {}, 1000);
  c.clock.advance(1000);
  auto put = c.call(0, MapOp::kPut, "x", "w", "ttl", {}, 0).value();
  CHECK_FALSE(put.value.has_value());
  CHECK(c.core(0).localStats("ttl").ownedEntryCount == 3);
  c.run(50);
  CHECK(c.core(0).localStats("ttl").ownedEntryCount == 2);
}

TEST_CASE("limits of keys and values, an absurd ttl, a full table of pending operations") {
  Cluster c(1);
  CHECK(c.call(0, MapOp::kSet, std::string(kMaxKeyBytes + 1, 'k'), "v").code() ==
        Code::kNetTooLarge);
  CHECK(c.call(0, MapOp::kSet, "k", std::string(kMaxValueBytes + 1, 'v')).code() ==
        Code::kNetTooLarge);
  CHECK(c.call(0, MapOp::kSet, "k", "v", "").code() == Code::kInvalid);
  c.installNew({{0}});
  c.call(0, MapOp::kSet, "k", "v", "m", {}, INT64_MAX, INT64_MAX);
  c.clock.advance(1000);
  CHECK(c.get(0, "k") == "v");

  ManualClock clock;
  SeededRandom random(1);
  ShardSettings settings;
  settings.self = {1, 1};
  settings.maxPendingOperations = 3;
  ShardCore core(settings, std::make_shared<MapConfigs>(), clock, random, c.node(0));
  std::vector<Answer<MapReply>> answers(4);
  for (auto& a : answers) core.execute("m", 0, MapRequest{}, a.take());
  CHECK_FALSE(answers[2].done());
  CHECK(answers[3].code() == Code::kBusy);
}

TEST_CASE("a record store counts its bytes and walks downwards without missing any") {
  RecordStore store;
  for (int i = 0; i < 1000; ++i) store.put("key" + std::to_string(i), "v", {});
  CHECK(store.size() == 1000);
  const auto bytes = store.bytes();
  store.put("key7", std::string(100, 'x'), {});
  CHECK(store.bytes() == bytes + 99);
  int seen = 0;
  for (std::size_t i = store.size(); i-- > 0;) {
    ++seen;
    if (i % 2 == 0) store.erase(store.at(i));
  }
  CHECK(seen == 1000);
  CHECK(store.size() == 500);
  for (std::size_t i = 0; i < store.size(); ++i) CHECK(store.find(store.at(i)->key()) == store.at(i));
  store.clear();
  CHECK(store.bytes() == 0);
}

TEST_CASE("the hybrid clock never goes back and follows what it has seen") {
  HybridClock clock(1);
  const Stamp a = clock.next(1000);
  const Stamp b = clock.next(500);
  CHECK(b > a);
  clock.merge({5000ull << 16, 9});
  CHECK(clock.next(1000).time > (5000ull << 16));
}
