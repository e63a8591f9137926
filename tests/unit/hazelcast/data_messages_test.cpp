// Data messages: round trips, and hostile input at every byte.
#include "data_harness.h"
#include "member_protocol/data_messages.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
RecordMeta someMeta() {
  RecordMeta m;
  m.version = {123456, 7};
  m.creation = 1;
  m.lastAccess = 2;
  m.ttl = 3;
  m.maxIdle = 4;
  m.expiry = 5;
  m.hits = 6;
  return m;
}
ReplicationHead someHead() {
  ReplicationHead h;
  h.view = {2, 3, {4, 5}};
  h.term = {2, 1, {4, 5}};
  h.round = 9;
  h.level = 1;
  h.versions = {7, 6, 5, 4, 3, 2, 1};
  return h;
}
std::vector<Bytes> samples() {
  std::vector<Bytes> all;
  OperationMessage op;
  op.id = {{1, 2}, 3};
  op.kind = static_cast<OpKind>(MapOp::kReplaceIfSame);
  op.map = "sessions";
  op.key = "key";
  op.value = "value";
  op.expected = "expected";
  all.push_back(op.encode(0));
  op.kind = OpKind::kMerge;
  op.meta = someMeta();
  all.push_back(op.encode(0));
  ReplyMessage reply;
  reply.counter = 3;
  reply.applied = reply.hasValue = true;
  reply.value = "value";
  reply.entries = {{"k", "v"}, {"k2", "v2"}};
  all.push_back(reply.encode(0));
  BackupMessage backup;
  backup.head = someHead();
  backup.hasOp = true;
  backup.id = {{1, 2}, 3};
  backup.effect = Effect::kStored;
  backup.map = "sessions";
  backup.key = "key";
  backup.value = "value";
  backup.meta = someMeta();
  all.push_back(backup.encode(0));
  CompareMessage compare;
  compare.head = someHead();
  compare.baseTerm = {1, 1, {4, 5}};
  all.push_back(compare.encode(0));
  CopyChunkMessage chunk;
  chunk.head = someHead();
  chunk.last = true;
  ByteWriter out;
  chunk.begin(out, 0);
  RecentItem recent;
  recent.id = {{1, 2}, 3};
  recent.value = "former";
  writeRecentItem(out, recent);
  writeMapItem(out, "sessions");
  RecordStore store;
  writeRecordItem(out, *store.put("key", "value", someMeta()));
  all.push_back(out.take());
  AckMessage ack;
  ack.term = {2, 1, {4, 5}};
  for (const Kind kind : {Kind::kBackupAck, Kind::kCompareReply, Kind::kCopyAck})
    all.push_back(ack.encode(kind, 0));
  TopicFrame topic;
  topic.sequence = 1;
  topic.topic = "t";
  topic.payload = "payload";
  all.push_back(topic.encode(0));
  // Protocol 2.
  op.kind = OpKind::kMergeRemoval;
  op.cursor = static_cast<std::uint32_t>(Burial::kExpired);
  all.push_back(op.encode(0));
  for (const Effect effect : {Effect::kRemoved, Effect::kCleared}) {
    backup.effect = effect;
    backup.stamped = true;
    backup.stamp = {99, 7};
    backup.applied = false;
    all.push_back(backup.encode(0));
  }
  ByteWriter items;
  chunk.begin(items, 0);
  writeForgottenItem(items, {{1, 2}, 3});
  writeMapItem(items, "sessions");
  writeTombstoneItem(items, {"key", Burial::kExpired, {99, 7}, 1000});
  recent.applied = false;
  writeRecentItem(items, recent);
  all.push_back(items.take());
  return all;
}
}  // namespace

TEST_CASE("a backup and an operation survive the way over the wire") {
  const auto all = samples();
  ByteReader in(BytesView(all[3]).substr(kDataHeadBytes));
  auto b = BackupMessage::decode(in);
  REQUIRE(b.ok());
  CHECK(b->head.view == someHead().view);
  CHECK(b->head.versions == someHead().versions);
  CHECK(b->id == OpId{{1, 2}, 3});
  CHECK(b->value == "value");
  CHECK(b->meta.version == someMeta().version);
  CHECK(b->meta.maxIdle == 4);
  Bytes patched = all[3];
  patchFollower(patched, 0x01020304, 5);
  ByteReader again(BytesView(patched).substr(kDataHeadBytes));
  auto p = BackupMessage::decode(again);
  REQUIRE(p.ok());
  CHECK(p->head.round == 0x01020304);
  CHECK(p->head.level == 5);
  ByteReader op(BytesView(all[1]).substr(kDataHeadBytes));
  auto o = OperationMessage::decode(op);
  REQUIRE(o.ok());
  CHECK(o->kind == OpKind::kMerge);
  CHECK(o->expected == "expected");
  CHECK(o->meta.hits == 6);
}

TEST_CASE("stamps of removals, tombstones and forgotten operations survive the way over the wire") {
  const auto all = samples();
  const std::size_t n = all.size();
  const BytesView removal = all[n - 3];
  ByteReader removed(removal.substr(kDataHeadBytes));
  auto b = BackupMessage::decode(removed);
  REQUIRE(b.ok());
  CHECK(b->effect == Effect::kRemoved);
  CHECK(b->stamped);
  CHECK(b->stamp == Stamp{99, 7});
  CHECK_FALSE(b->applied);
  const BytesView copy = all[n - 1];
  ByteReader in(copy.substr(kDataHeadBytes));
  auto c = CopyChunkMessage::decode(in);
  REQUIRE(c.ok());
  REQUIRE(c->items.size() == 4);
  CHECK(c->items[0].forgotten == OpId{{1, 2}, 3});
  CHECK(c->items[2].tombstone.why == Burial::kExpired);
  CHECK(c->items[2].tombstone.stamp == Stamp{99, 7});
  CHECK(c->items[2].tombstone.age == 1000);
  CHECK_FALSE(c->items[3].recent.applied);
}

TEST_CASE("every message cut at every byte is refused and counted, never served") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  auto& core = c.core(1);
  std::uint64_t expected = core.badMessages();
  for (const Bytes& sample : samples()) {
    for (std::size_t n = 0; n < sample.size(); ++n) {
      // A chunk that ends between two items is a shorter chunk, not a damaged one.
      if (sample[0] == static_cast<char>(Kind::kCopyChunk) && n >= 133) continue;
      core.received(c.id(0), BytesView(sample).substr(0, n));
      CHECK(core.badMessages() == ++expected);
    }
    core.received(c.id(0), sample + "x");
    CHECK(core.badMessages() == ++expected);
  }
  CHECK(core.localStats("sessions").backupEntryCount == 0);
  CHECK_FALSE(c.node(1).logs.empty());
  CHECK(c.node(1).logs.size() < 20);
}

TEST_CASE("damaged and random bytes never harm") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  c.call(0, MapOp::kSet, "k", "v");
  c.settle();
  SeededRandom random(5);
  const auto all = samples();
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes = all[random.below(all.size())];
    const auto changes = 1 + random.below(4);
    for (std::uint64_t n = 0; n < changes; ++n)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    c.core(1).received(c.id(0), bytes);
  }
  for (int i = 0; i < 5000; ++i) {
    Bytes bytes(random.below(300), '\0');
    for (auto& b : bytes) b = static_cast<char>(random.next());
    if (bytes.size() > 3) {
      bytes[0] = static_cast<char>(0x40 + random.below(10));
      bytes[1] = bytes[2] = 0;
    }
    c.core(i % 2).received(c.id(1 - i % 2), bytes);
  }
  CHECK(c.core(1).badMessages() > 0);
}

TEST_CASE("a lie about a count, a length, a slot or a sender is refused") {
  Cluster c(2);
  c.installNew({{0, 1}});
  c.settle();
  auto& core = c.core(0);
  ReplyMessage reply;
  Bytes lie = reply.encode(0);
  for (int i = 1; i <= 4; ++i) lie[lie.size() - static_cast<std::size_t>(i)] = '\xff';
  core.received(c.id(1), lie);
  CHECK(core.badMessages() == 1);
  OperationMessage op;
  op.id = {c.id(0), 1};  // in the name of another
  op.map = "m";
  core.received(c.id(1), op.encode(0));
  CHECK(core.badMessages() == 2);
  op.id.member = c.id(1);
  core.received(c.id(1), op.encode(99));  // no such partition
  CHECK(core.badMessages() == 3);
  op.map = {};
  core.received(c.id(1), op.encode(0));
  CHECK(core.badMessages() == 4);
  core.received(c.id(1), Bytes("\x7f\0\0", 3));
  CHECK(core.badMessages() == 5);
  core.received(c.id(1), "");
  CHECK(core.badMessages() == 6);
}
