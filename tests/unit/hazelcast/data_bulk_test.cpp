// Whole maps, topics, and the merge of two clusters.
#include <algorithm>
#include <set>

#include "data_harness.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

TEST_CASE("size, entries and clear cover all partitions wherever they are owned") {
  Cluster c(3, {}, 6);
  c.installNew({{0, 1}, {1, 2}, {2, 0}, {0, 2}, {1, 0}, {2, 1}});
  c.settle();
  std::vector<Answer<MapReply>> sets;
  for (int i = 0; i < 600; ++i)
    sets.push_back(c.call(i % 3, MapOp::kSet, "k" + std::to_string(i), std::string(9000, 'v'), "m",
                          {}, -1, -1, i % 6));
  c.settle();
  Answer<std::uint64_t> size;
  c.core(0).size("m", size.take());
  Answer<std::vector<services::MapEntry>> entries;
  c.core(1).entries("m", true, entries.take());  // 900 kB per partition: several pages
  c.settle();
  CHECK(size.value() == 600);
  std::set<std::string> keys;
  for (const auto& e : entries.value()) {
    keys.insert(e.key);
    CHECK(e.value.size() == 9000);
  }
  CHECK(keys.size() == 600);
  CHECK(entries.value().size() == 600);
  std::uint64_t owned = 0;
  for (int i = 0; i < 3; ++i) owned += c.core(i).ownedEntries();
  CHECK(owned == 600);
  Answer<std::uint64_t> cleared;
  c.core(2).clear("m", cleared.take());
  c.settle();
  CHECK(cleared.value() == 600);
  for (int i = 0; i < 3; ++i) {
    CHECK(c.core(i).localStats("m").ownedEntryCount == 0);
    CHECK(c.core(i).localStats("m").backupEntryCount == 0);
  }
  CHECK(c.core(0).mapNames() == std::vector<std::string>{"m"});
  Answer<std::uint64_t> unjoined;
  c.core(0).viewInstalled(nullptr);
  c.core(0).size("m", unjoined.take());
  CHECK(unjoined.code() == Code::kGridNotJoined);
}

TEST_CASE("a large partition comes in pages, each entry once") {
  Cluster c(2);
  c.installNew({{0}});
  for (int i = 0; i < 500; ++i)
    c.call(0, MapOp::kSet, "k" + std::to_string(i), std::string(10000, 'v'));
  Answer<std::vector<services::MapEntry>> keys, entries;
  c.core(1).entries("m", false, keys.take());
  c.core(1).entries("m", true, entries.take());
  for (int i = 0; c.deliverOne(); ++i)
    c.call(0, MapOp::kRemove, "k" + std::to_string(i));
  std::set<std::string> seen;
  for (const auto& e : entries.value()) seen.insert(e.key);
  CHECK(seen.size() == entries.value().size());
  for (int i = 100; i < 500; ++i) CHECK(seen.count("k" + std::to_string(i)) == 1);
  CHECK(keys.value().size() >= 400);
}

TEST_CASE("topic messages keep the publisher's order everywhere, losses are counted") {
  Cluster c(3);
  c.installNew({{0}});
  for (int i = 0; i < 10; ++i) c.core(0).publish("t", 0, "a" + std::to_string(i));
  c.core(1).publish("t", 0, "b");
  c.settle();
  for (int n = 0; n < 3; ++n) {
    std::vector<std::string> from0;
    for (const auto& [topic, m] : c.node(n).delivered) {
      CHECK(topic == "t");
      if (m.source == c.id(0).toString()) {
        from0.push_back(m.payload);
        CHECK(m.sequence == from0.size());
        CHECK(m.local == (n == 0));
        CHECK(m.publishMillis == c.clock.wall);
      }
    }
    REQUIRE(from0.size() == 10);
    for (int i = 0; i < 10; ++i)
      CHECK(from0[static_cast<std::size_t>(i)] == "a" + std::to_string(i));
    CHECK(c.core(n).topicStats("t").receiveOperationCount == 11);
    CHECK(c.core(n).topicStats("t").gapCount == 0);
  }
  CHECK(c.core(0).topicStats("t").publishOperationCount == 10);
  c.core(0).publish("t", 0, "lost");
  c.core(0).publish("t", 0, "lost too");
  c.wire(0, 1).clear();
  c.core(0).publish("t", 0, "heard");
  c.settle();
  CHECK(c.core(1).topicStats("t").gapCount == 2);
  CHECK(c.core(2).topicStats("t").gapCount == 0);
}

TEST_CASE("published before the link is up, delivered when it is") {
  Cluster c(2);
  c.installNew({{0}});
  c.cut(0, 1);
  c.core(0).publish("t", 0, "early");
  c.link(0, 1);
  c.settle();
  REQUIRE(c.node(1).delivered.size() == 1);
  CHECK(c.node(1).delivered[0].second.payload == "early");
}

TEST_CASE("when two clusters unite the newest value of each key stays") {
  Cluster c(2, {}, 3);
  // Two clusters of one member each.
  auto alone0 = c.view({{0}});
  auto alone1 = c.view({{1}});
  c.core(0).viewInstalled(alone0);
  c.core(1).viewInstalled(alone1);
  c.call(0, MapOp::kSet, "both-newer-0", "old");
  c.call(1, MapOp::kSet, "both-newer-1", "old");
  c.clock.advance(10);
  c.call(0, MapOp::kSet, "both-newer-1", "x");
  c.call(1, MapOp::kSet, "both-newer-0", "x");
  c.clock.advance(10);
  c.call(0, MapOp::kSet, "both-newer-0", "zero");
  c.call(1, MapOp::kSet, "both-newer-1", "one");
  c.call(1, MapOp::kSet, "only-1", "one");
  c.call(1, MapOp::kSet, "expired", "v", "m", {}, 1000);
  for (int i = 0; i < 600; ++i)
    c.call(1, MapOp::kSet, "many" + std::to_string(i), "v", "m", {}, -1, -1, i % 3);
  c.core(1).keepEntriesForMerge();
  c.core(1).viewInstalled(nullptr);
  CHECK(c.core(1).ownedEntries() == 0);
  c.clock.advance(1000);
  c.run(50);  // not before a view
  c.installNew({{0, 1}});
  c.run(20);
  c.cut(0, 1);  // answers lost: asked again
  c.link(0, 1);
  c.run(5000);
  CHECK(c.get(0, "both-newer-0") == "zero");
  CHECK(c.get(0, "both-newer-1") == "one");
  CHECK(c.get(0, "only-1") == "one");
  CHECK(c.get(0, "expired") == "(none)");
  Answer<std::uint64_t> size;
  c.core(0).size("m", size.take());
  c.settle();
  CHECK(size.value() == 603);
  CHECK(c.core(1).localStats("m").backupEntryCount == 603);
  REQUIRE(c.node(1).logs.size() == 1);
  CHECK(c.node(1).logs[0].find("602 entries kept, 2 dropped") != std::string::npos);
  // What the new owner writes is newer than everything it took over.
  c.call(0, MapOp::kSet, "only-1", "later");
  c.settle();
  CHECK(c.get(1, "only-1") == "later");
}
