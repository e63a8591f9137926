// Last accesses that the owner tells its followers: idle times over hand-overs and crashes.
#include "data_harness.h"
#include "member_protocol/data_messages.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
MapConfigs idleMaps(std::int64_t seconds) {
  MapConfigs configs;
  configs.add(mapOf("m", 1, 0, 0, seconds));
  return configs;
}
void handOver(Cluster& c, int from, int to, std::vector<int> before, std::vector<int> after) {
  Migration m;
  m.partition = 0;
  m.target = c.id(to);
  m.replicaIndex = 0;
  m.becomesOwner = true;
  c.node(from).done.clear();
  c.installNew({before}, {m});
  for (int i = 0; i < 100 && c.node(from).done.empty(); ++i) c.run(10);
  REQUIRE_FALSE(c.node(from).done.empty());
  c.installNew({after});
  c.settle();
}
}  // namespace

TEST_CASE("idle times go on over a hand-over, with reads that were told in the last moment") {
  Cluster c(2, idleMaps(60));
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "read", "v");
  c.call(0, MapOp::kSet, "unread", "v");
  c.run(20'000);
  c.get(0, "read");
  bool copied = false;
  SUBCASE("to a backup") {
    handOver(c, 0, 1, {0, 1}, {1, 0});
  }
  SUBCASE("to a new member") {
    copied = true;
    const int third = c.addNode();
    handOver(c, 0, third, {0, 1}, {third, 1});
  }
  const int owner = copied ? 2 : 1;
  c.run(35'000);
  CHECK(c.core(owner).localStats("m").ownedEntryCount == 2);
  c.run(10'000);  // 65 s after it was written, 45 after the read
  CHECK(c.core(owner).localStats("m").ownedEntryCount == 1);
  CHECK(c.call(1, MapOp::kContainsKey, "unread").done() == !copied);
  c.run(10'000);
  CHECK(c.core(owner).localStats("m").ownedEntryCount == 1);
  c.run(10'000);
  CHECK(c.core(owner).localStats("m").ownedEntryCount == 0);
}

TEST_CASE("over a hand-over idle times are moved to the clock of the new owner") {
  for (const std::int64_t ahead : {40'000, -40'000}) {
    Cluster c(3, idleMaps(60));
    c.node(1).clock->ahead = ahead;
    c.installNew({{0, 1, 2}});
    c.settle();
    c.call(0, MapOp::kSet, "k", "v");
    c.run(30'000);
    handOver(c, 0, 1, {0, 1, 2}, {1, 0, 2});
    c.run(28'000);  // 58 s after it was written
    CHECK(c.core(1).localStats("m").ownedEntryCount == 1);
    // The other backup was told what a member that takes over from there has to know.
    handOver(c, 1, 2, {1, 0, 2}, {2, 1, 0});
    CHECK(c.core(2).localStats("m").ownedEntryCount == 1);
    c.run(ahead > 0 ? 4'000 : 44'000);  // never earlier; what is told only moves on
    CHECK(c.core(2).localStats("m").ownedEntryCount == 0);
  }
}

TEST_CASE("after a crash nothing expires earlier than at the former owner") {
  Cluster c(3, idleMaps(60));
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "k", "v");
  c.run(59'000);
  c.get(0, "k");  // not told any more
  c.crash(0);
  c.installNew({{1, 2}});
  c.run(55'000);
  CHECK(c.core(1).localStats("m").ownedEntryCount == 1);
  // What holds since the promotion goes along with the next hand-over.
  handOver(c, 1, 2, {1, 2}, {2, 1});
  CHECK(c.core(2).localStats("m").ownedEntryCount == 1);
  c.run(10'000);
  CHECK(c.core(2).localStats("m").ownedEntryCount == 0);
}

TEST_CASE("a backup that could not be told counts from when it was heard of again") {
  Cluster c(2, idleMaps(60));
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "k", "v");
  c.run(30'000);
  c.cut(0, 1);
  c.get(0, "k");
  c.run(10'000);
  c.link(0, 1);
  c.run(10'000);
  handOver(c, 0, 1, {0, 1}, {1, 0});
  c.run(35'000);  // 85 s after the write, 55 after the read
  CHECK(c.core(1).localStats("m").ownedEntryCount == 1);
}

TEST_CASE("hits and last accesses reach the backup in few frames, and protocol 1 is not told") {
  for (const std::uint16_t protocol : {std::uint16_t{1}, std::uint16_t{2}}) {
    Cluster c(2, idleMaps(600));
    c.protocol = protocol;
    c.installNew({{0, 1}});
    c.settle();
    for (int i = 0; i < 2500; ++i) c.call(0, MapOp::kSet, "k" + std::to_string(i), "v");
    c.run(3000);
    c.sent.clear();
    for (int round = 0; round < 5; ++round)
      for (int i = 0; i < 2500; ++i) c.get(0, "k" + std::to_string(i));
    for (int i = 0; i < 1000; ++i) c.call(0, MapOp::kRemove, "k" + std::to_string(i));
    c.run(2500);
    CHECK(c.sent[Kind::kTouch] == (protocol == 1 ? 0 : 2));  // 1500 that are still there
    CHECK(c.core(0).badMessages() + c.core(1).badMessages() == 0);
    CHECK(c.core(1).localStats("m").backupEntryCount == 1500);
  }
}

TEST_CASE("touches neither create records nor apply to another term") {
  Cluster c(2, idleMaps(10));
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "k", "v");
  c.settle();
  TouchMessage t;
  t.head.view = t.head.term = {1, 1, c.id(0)};
  t.map = "m";
  t.idleFloor = c.clock.wall + 1'000'000;
  t.items.push_back({"other", c.clock.wall, 1});
  c.core(1).received(c.id(0), t.encode(0));
  CHECK(c.core(1).localStats("m").backupEntryCount == 1);
  CHECK(c.core(1).badMessages() == 0);

  const Bytes frame = t.encode(0);
  for (std::size_t n = kDataHeadBytes; n < frame.size(); ++n) {
    ByteReader cut(BytesView(frame).substr(kDataHeadBytes, n - kDataHeadBytes));
    CHECK_FALSE(TouchMessage::decode(cut).ok());
  }
  t.items.assign(TouchMessage::kMaxItems + 1, {"k", 1, 1});
  const Bytes many = t.encode(0);
  ByteReader tooMany(BytesView(many).substr(kDataHeadBytes));
  CHECK_FALSE(TouchMessage::decode(tooMany).ok());
  t.items.assign(1, {"k", -1, 1});
  const Bytes negative = t.encode(0);
  ByteReader past(BytesView(negative).substr(kDataHeadBytes));
  CHECK_FALSE(TouchMessage::decode(past).ok());
}
