#include "member_protocol/data_messages.h"

#include "services/grid_query.h"

namespace ox::grid {
namespace {

// Stamps beyond this (year 4199) are damage or malice: they would drag every clock along.
constexpr std::uint64_t kMaxStamp = 1ull << 62;
constexpr std::size_t kMaxErrorText = 512;

ByteWriter begin(Kind kind, std::uint16_t slot, std::size_t reserve = 64) {
  ByteWriter out;
  out.reserve(reserve);
  out.u8(static_cast<std::uint8_t>(kind));
  out.u16(slot);
  return out;
}
void writeView(ByteWriter& out, const ViewId& id) {
  out.u64(id.epoch);
  out.u64(id.counter);
  id.master.write(out);
}
ViewId readView(ByteReader& in) {
  ViewId id;
  id.epoch = in.u64();
  id.counter = in.u64();
  id.master = MemberId::read(in);
  return id;
}
void writeVersions(ByteWriter& out, const Versions& versions) {
  for (const auto v : versions) out.u64(v);
}
Versions readVersions(ByteReader& in) {
  Versions versions{};
  for (auto& v : versions) v = in.u64();
  return versions;
}
void writeOpId(ByteWriter& out, const OpId& id) {
  id.member.write(out);
  out.u64(id.counter);
}
OpId readOpId(ByteReader& in) {
  OpId id;
  id.member = MemberId::read(in);
  id.counter = in.u64();
  return id;
}
void writeStamp(ByteWriter& out, const Stamp& stamp) {
  out.u64(stamp.time);
  out.u64(stamp.origin);
}
Stamp readStamp(ByteReader& in) {
  Stamp stamp;
  stamp.time = in.u64();
  stamp.origin = in.u64();
  if (stamp.time > kMaxStamp) in.fail();
  return stamp;
}
Burial readBurial(ByteReader& in) {
  const auto why = in.u8();
  if (why > static_cast<std::uint8_t>(Burial::kCleared)) in.fail();
  return static_cast<Burial>(why);
}
// Effect on the wire; those with a stamp are of protocol 2.
enum class WireEffect : std::uint8_t {
  kNone = 0, kStored = 1, kRemoved = 2, kCleared = 3, kRemovedAt = 4, kClearedAt = 5, kExpiredAt = 6,
  kContainer = static_cast<int>(Effect::kContainer),
};
WireEffect wireEffect(const BackupMessage& m) {
  if (m.stamped && m.effect == Effect::kRemoved)
    return m.why == Burial::kExpired ? WireEffect::kExpiredAt : WireEffect::kRemovedAt;
  if (m.stamped && m.effect == Effect::kCleared) return WireEffect::kClearedAt;
  return static_cast<WireEffect>(m.effect);
}
void readEffect(ByteReader& in, BackupMessage& m) {
  const auto effect = static_cast<WireEffect>(in.u8());
  m.stamped = effect >= WireEffect::kRemovedAt && effect <= WireEffect::kExpiredAt;
  switch (effect) {
    case WireEffect::kRemovedAt:
      m.effect = Effect::kRemoved;
      break;
    case WireEffect::kExpiredAt:
      m.effect = Effect::kRemoved;
      m.why = Burial::kExpired;
      break;
    case WireEffect::kClearedAt:
      m.effect = Effect::kCleared;
      m.why = Burial::kCleared;
      break;
    default:
      if (effect > WireEffect::kCleared && effect != WireEffect::kContainer) in.fail();
      m.effect = static_cast<Effect>(effect);
  }
}
void writeMeta(ByteWriter& out, const RecordMeta& m) {
  writeStamp(out, m.version);
  out.i64(m.creation);
  out.i64(m.lastAccess);
  out.i64(m.ttl);
  out.i64(m.maxIdle);
  out.i64(m.expiry);
  out.u32(m.hits);
}
RecordMeta readMeta(ByteReader& in) {
  RecordMeta m;
  m.version = readStamp(in);
  m.creation = in.i64();
  m.lastAccess = in.i64();
  m.ttl = in.i64();
  m.maxIdle = in.i64();
  m.expiry = in.i64();
  m.hits = in.u32();
  if (m.ttl < 0 || m.maxIdle < 0 || m.expiry < 0 || m.creation < 0 ||
      m.lastAccess < 0 || (m.maxIdle >> 50) != 0 || (m.lastAccess >> 50) != 0)
    in.fail();
  return m;
}
BytesView readBounded(ByteReader& in, std::size_t limit) {
  const BytesView v = in.blob();
  if (v.size() > limit) in.fail();
  return v;
}
BytesView readName(ByteReader& in) {
  const BytesView v = readBounded(in, kMaxNameBytes);
  if (v.empty()) in.fail();
  return v;
}
bool strictBool(ByteReader& in) {
  const auto v = in.u8();
  if (v > 1) in.fail();
  return v == 1;
}
std::uint8_t readLevel(ByteReader& in) {
  const auto level = in.u8();
  if (level >= kMaxReplicas) in.fail();
  return level;
}
template <typename T>
Result<T> finish(ByteReader& in, T message, const char* what) {
  if (!in.ok() || !in.atEnd())
    return Error(Code::kGridBadMessage, std::string("undecodable member message: ") + what);
  return message;
}

}  // namespace

Bytes OperationMessage::encode(std::uint16_t slot) const {
  ByteWriter out = begin(Kind::kOperation, slot,
                         160 + map.size() + key.size() + value.size() + expected.size());
  writeOpId(out, id);
  out.u32(stream);
  out.u8(static_cast<std::uint8_t>(kind));
  out.u32(cursor);
  out.i64(ttlMillis);
  out.i64(maxIdleMillis);
  out.blob(map);
  out.blob(key);
  out.blob(value);
  out.blob(expected);
  if (kind == OpKind::kMerge) writeMeta(out, meta);
  if (kind == OpKind::kMergeRemoval) writeStamp(out, meta.version);
  return out.take();
}
Result<OperationMessage> OperationMessage::decode(ByteReader& in) {
  OperationMessage m;
  m.id = readOpId(in);
  m.stream = in.u32();
  m.kind = static_cast<OpKind>(in.u8());
  if (!isMapOp(m.kind) && !isContainerOp(m.kind) &&
      (m.kind < OpKind::kSize || m.kind > OpKind::kMergeRemoval) && m.kind != OpKind::kQuery &&
      m.kind != OpKind::kProcess)
    in.fail();
  m.cursor = in.u32();
  m.ttlMillis = in.i64();
  m.maxIdleMillis = in.i64();
  m.map = readName(in);
  m.key = readBounded(in, kMaxKeyBytes);
  m.value = readBounded(in, kMaxValueBytes);
  m.expected = readBounded(in, kMaxValueBytes);
  if (m.kind == OpKind::kMerge) m.meta = readMeta(in);
  if (m.kind == OpKind::kMergeRemoval) {
    m.meta.version = readStamp(in);
    if (m.cursor > static_cast<std::uint32_t>(Burial::kCleared)) in.fail();
  }
  return finish(in, m, "operation");
}

Bytes ReplyMessage::encode(std::uint16_t slot) const {
  std::size_t size = 64 + value.size() + code.size() + text.size();
  for (const auto& e : entries) size += 8 + e.key.size() + e.value.size();
  ByteWriter out = begin(Kind::kOperationReply, slot, size);
  out.u64(counter);
  out.u32(stream);
  out.u8(static_cast<std::uint8_t>(status));
  out.blob(code);
  out.blob(text.substr(0, kMaxErrorText));
  out.boolean(applied);
  out.boolean(hasValue);
  out.blob(value);
  out.u64(count);
  out.u32(cursor);
  out.u32(static_cast<std::uint32_t>(entries.size()));
  for (const auto& e : entries) {
    out.blob(e.key);
    out.blob(e.value);
  }
  return out.take();
}
Result<ReplyMessage> ReplyMessage::decode(ByteReader& in) {
  ReplyMessage m;
  m.counter = in.u64();
  m.stream = in.u32();
  const auto status = in.u8();
  if (status > static_cast<std::uint8_t>(ReplyStatus::kError)) in.fail();
  m.status = static_cast<ReplyStatus>(status);
  m.code = readBounded(in, 16);
  m.text = readBounded(in, kMaxErrorText);
  m.applied = strictBool(in);
  m.hasValue = strictBool(in);
  m.value = readBounded(in, kMaxValueBytes);
  m.count = in.u64();
  m.cursor = in.u32();
  const auto n = in.count(8);
  m.entries.reserve(n);
  for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
    EntryView e;
    e.key = readBounded(in, kMaxKeyBytes);
    e.value = readBounded(in, kMaxValueBytes);
    m.entries.push_back(e);
  }
  return finish(in, std::move(m), "reply");
}

void ReplicationHead::write(ByteWriter& out) const {
  writeView(out, view);
  writeView(out, term);
  out.u32(round);
  out.u8(level);
  writeVersions(out, versions);
}
ReplicationHead ReplicationHead::read(ByteReader& in) {
  ReplicationHead head;
  head.view = readView(in);
  head.term = readView(in);
  head.round = in.u32();
  head.level = readLevel(in);
  head.versions = readVersions(in);
  if (head.term > head.view) in.fail();
  return head;
}
void patchFollower(Bytes& frame, std::uint32_t round, std::uint8_t level) {
  for (std::size_t i = 0; i < 4; ++i)
    frame[ReplicationHead::kRoundOffset + i] = static_cast<char>(round >> (24 - 8 * i));
  frame[ReplicationHead::kRoundOffset + 4] = static_cast<char>(level);
}

Bytes BackupMessage::encode(std::uint16_t slot) const {
  ByteWriter out = begin(Kind::kBackup, slot, 300 + map.size() + key.size() + value.size());
  head.write(out);
  out.u8(!hasOp ? 0 : ownAnswer ? 3 : applied ? 1 : 2);
  if (hasOp) {
    writeOpId(out, id);
    out.boolean(returnsFormer);
    out.u64(count);
    if (ownAnswer) out.blob(result);
  }
  out.u8(static_cast<std::uint8_t>(wireEffect(*this)));
  out.blob(map);
  out.blob(key);
  if (stamped) writeStamp(out, stamp);
  if (effect == Effect::kStored) {
    writeMeta(out, meta);
    out.blob(value);
  } else if (effect == Effect::kContainer) {
    out.blob(value);
    out.blob(result);
  }
  return out.take();
}
Result<BackupMessage> BackupMessage::decode(ByteReader& in) {
  BackupMessage m;
  m.head = ReplicationHead::read(in);
  const auto op = in.u8();
  if (op > 3) in.fail();
  m.hasOp = op != 0;
  m.applied = op != 2;
  m.ownAnswer = op == 3;
  if (m.hasOp) {
    m.id = readOpId(in);
    m.returnsFormer = strictBool(in);
    m.count = in.u64();
    if (m.ownAnswer) m.result = readBounded(in, services::kMaxProcessorReply);
  }
  readEffect(in, m);
  m.map = readName(in);
  m.key = readBounded(in, kMaxKeyBytes);
  if (m.stamped) m.stamp = readStamp(in);
  if (m.effect == Effect::kStored) {
    m.meta = readMeta(in);
    m.value = readBounded(in, kMaxValueBytes);
  } else if (m.effect == Effect::kContainer) {
    m.value = readBounded(in, kMaxValueBytes);
    m.result = readBounded(in, kMaxValueBytes);
  }
  return finish(in, m, "backup");
}

Bytes CompareMessage::encode(std::uint16_t slot) const {
  ByteWriter out = begin(Kind::kCompare, slot, 256);
  head.write(out);
  writeView(out, baseTerm);
  out.u8(baseValidFrom);
  writeVersions(out, baseVersions);
  if (hasDigest) out.u64(digest);
  return out.take();
}
Result<CompareMessage> CompareMessage::decode(ByteReader& in) {
  CompareMessage m;
  m.head = ReplicationHead::read(in);
  m.baseTerm = readView(in);
  m.baseValidFrom = readLevel(in);
  m.baseVersions = readVersions(in);
  if (in.ok() && !in.atEnd()) {
    m.hasDigest = true;
    m.digest = in.u64();
  }
  return finish(in, m, "compare");
}

void writeMapItem(ByteWriter& out, BytesView map) {
  out.u8(static_cast<std::uint8_t>(CopyItemKind::kMap));
  out.blob(map);
}
void writeRecordItem(ByteWriter& out, const Record& record, std::int64_t idleFloor) {
  out.u8(static_cast<std::uint8_t>(CopyItemKind::kRecord));
  RecordMeta meta = record;
  meta.lastAccess = std::max(meta.lastAccess, idleFloor);
  writeMeta(out, meta);
  out.blob(record.key());
  out.blob(record.value());
}
void writeRecentItem(ByteWriter& out, const RecentItem& recent) {
  out.u8(static_cast<std::uint8_t>(recent.applied ? CopyItemKind::kRecent
                                                  : CopyItemKind::kRecentUnapplied));
  writeOpId(out, recent.id);
  out.boolean(recent.hasValue);
  out.blob(recent.value);
  out.u64(recent.count);
  out.u64(recent.seq);
}

void writeContainerItem(ByteWriter& out, BytesView name, BytesView piece) {
  out.u8(static_cast<std::uint8_t>(CopyItemKind::kContainer));
  out.blob(name);
  out.blob(piece);
}
void writeTombstoneItem(ByteWriter& out, const TombstoneItem& t) {
  out.u8(static_cast<std::uint8_t>(CopyItemKind::kTombstone));
  out.u8(static_cast<std::uint8_t>(t.why));
  writeStamp(out, t.stamp);
  out.i64(t.age);
  out.blob(t.key);
}
void writeForgottenItem(ByteWriter& out, const OpId& upTo) {
  out.u8(static_cast<std::uint8_t>(CopyItemKind::kForgotten));
  writeOpId(out, upTo);
}

void CopyChunkMessage::begin(ByteWriter& out, std::uint16_t slot) const {
  out.u8(static_cast<std::uint8_t>(Kind::kCopyChunk));
  out.u16(slot);
  head.write(out);
  out.u8(validFrom);
  out.u32(index);
  out.boolean(last);
}
Result<CopyChunkMessage> CopyChunkMessage::decode(ByteReader& in) {
  CopyChunkMessage m;
  m.head = ReplicationHead::read(in);
  m.validFrom = readLevel(in);
  m.index = in.u32();
  m.last = strictBool(in);
  bool named = false;
  while (in.ok() && !in.atEnd()) {
    CopyItem item;
    item.kind = static_cast<CopyItemKind>(in.u8());
    switch (item.kind) {
      case CopyItemKind::kMap:
        item.map = readName(in);
        named = true;
        break;
      case CopyItemKind::kRecord:
        if (!named) in.fail();
        item.meta = readMeta(in);
        item.key = readBounded(in, kMaxKeyBytes);
        item.value = readBounded(in, kMaxValueBytes);
        break;
      case CopyItemKind::kTombstone:
        if (!named) in.fail();
        item.tombstone.why = readBurial(in);
        item.tombstone.stamp = readStamp(in);
        item.tombstone.age = in.i64();
        if (item.tombstone.age < 0) in.fail();
        item.tombstone.key = readBounded(in, kMaxKeyBytes);
        break;
      case CopyItemKind::kForgotten:
        item.forgotten = readOpId(in);
        break;
      case CopyItemKind::kRecent:
      case CopyItemKind::kRecentUnapplied:
        item.recent.applied = item.kind == CopyItemKind::kRecent;
        item.recent.id = readOpId(in);
        item.recent.hasValue = strictBool(in);
        item.recent.value = readBounded(in, kMaxValueBytes);
        item.recent.count = in.u64();
        item.recent.seq = in.u64();
        break;
      case CopyItemKind::kContainer:
        item.map = readName(in);
        item.value = readBounded(in, kMaxValueBytes);
        break;
      default:
        in.fail();
    }
    m.items.push_back(item);
  }
  return finish(in, std::move(m), "copy chunk");
}

Bytes AckMessage::encode(Kind kind, std::uint16_t slot) const {
  ByteWriter out = begin(kind, slot);
  writeView(out, term);
  out.u32(round);
  out.u8(static_cast<std::uint8_t>(status));
  out.u64(seq);
  out.u32(index);
  out.boolean(last);
  return out.take();
}
Result<AckMessage> AckMessage::decode(ByteReader& in) {
  AckMessage m;
  m.term = readView(in);
  m.round = in.u32();
  const auto status = in.u8();
  if (status > static_cast<std::uint8_t>(AckStatus::kDamaged)) in.fail();
  m.status = static_cast<AckStatus>(status);
  m.seq = in.u64();
  m.index = in.u32();
  m.last = strictBool(in);
  return finish(in, m, "acknowledgement");
}

Bytes TopicFrame::encode(std::uint16_t slot) const {
  ByteWriter out = begin(Kind::kTopicMessage, slot, 40 + topic.size() + payload.size());
  out.u64(sequence);
  out.i64(publishMillis);
  out.blob(topic);
  out.blob(payload);
  return out.take();
}
Result<TopicFrame> TopicFrame::decode(ByteReader& in) {
  TopicFrame m;
  m.sequence = in.u64();
  m.publishMillis = in.i64();
  m.topic = readName(in);
  m.payload = readBounded(in, kMaxValueBytes);
  return finish(in, m, "topic message");
}

}  // namespace ox::grid
