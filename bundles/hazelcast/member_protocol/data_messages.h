// Bodies of the data messages (kinds 0x40..0x48, 0x4c) between the shards of members.
//
// Purpose:   one struct per kind, written and read here only.
// Ownership: byte views of a decoded message point into the frame it was decoded from.
// Errors:    decode() answers GRID-0008 (or NET-0005 for a key or value above its limit); a decoder
//            never allocates more than the frame itself can hold.
// Source:    docs/formats/member-protocol-data.md
#pragma once

#include <array>
#include <vector>

#include "map/operations.h"
#include "map/record.h"
#include "map/tombstones.h"
#include "member_protocol/message.h"
#include "membership/cluster_view.h"
#include "types.h"

namespace ox::grid {

inline constexpr std::size_t kMaxNameBytes = 1024;  // of maps and topics
inline constexpr std::size_t kDataHeadBytes = 3;    // kind, slot

// [i] counts the writes that replica i must hold; [0] counts all.
using Versions = std::array<std::uint64_t, kMaxReplicas>;

struct OpId {
  MemberId member;
  std::uint64_t counter = 0;
  bool operator==(const OpId&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const OpId& id) {
    return H::combine(std::move(h), id.member.lo, id.counter);
  }
};

// What is asked of an owner. The first ten are services::MapOp.
enum class OpKind : std::uint8_t {
  kLastMapOp = static_cast<std::uint8_t>(services::MapOp::kTouch),
  kSize = 32, kKeys = 33, kEntries = 34, kClear = 35, kMerge = 36,
  kContainer = 48, kMergeContainer = 49,  // value = request; ttlMillis = how long it may wait
  kQuery = 40,    // protocol 2: value = query (map/query.h); cursor as kEntries
  kProcess = 41,  // protocol 2: value = processor and argument, expected = predicate
  kMergeRemoval = 37,  // protocol 2: a tombstone of the other half; cursor = Burial
};
inline bool isMapOp(OpKind k) { return k <= OpKind::kLastMapOp; }
inline bool isContainerOp(OpKind k) {
  return k == OpKind::kContainer || k == OpKind::kMergeContainer;
}
inline bool isMerge(OpKind k) {
  return k == OpKind::kMerge || k == OpKind::kMergeRemoval || k == OpKind::kMergeContainer;
}
inline bool isWrite(OpKind k) {
  return isContainerOp(k) || k == OpKind::kProcess || k == OpKind::kClear || isMerge(k) ||
         (isMapOp(k) && isWrite(static_cast<services::MapOp>(k)));
}

// kOperation. `stream` numbers the caller's attempts per partition: an owner that refused one
// operation refuses those of the same attempt that follow, which keeps the caller's order.
struct OperationMessage {
  OpId id;
  std::uint32_t stream = 0;
  OpKind kind = OpKind::kSize;
  std::uint32_t cursor = 0;  // kKeys, kEntries: positions below it; 0xffffffff = from the end;
                             // writes of one key: token of the lock that the caller holds
  std::int64_t ttlMillis = -1;
  std::int64_t maxIdleMillis = -1;
  BytesView map, key, value, expected;
  RecordMeta meta;  // kMerge; of kMergeRemoval the version only

  Bytes encode(std::uint16_t slot) const;
  static Result<OperationMessage> decode(ByteReader& in);
};

enum class ReplyStatus : std::uint8_t { kOk, kWrongTarget, kError };
struct EntryView {
  BytesView key, value;
};

// kOperationReply.
struct ReplyMessage {
  std::uint64_t counter = 0;
  std::uint32_t stream = 0;
  ReplyStatus status = ReplyStatus::kOk;
  BytesView code, text;  // kError
  bool applied = false;
  bool hasValue = false;
  BytesView value;
  std::uint64_t count = 0;
  std::uint32_t cursor = 0;  // where to go on; 0 = complete
  std::vector<EntryView> entries;

  Bytes encode(std::uint16_t slot) const;
  static Result<ReplyMessage> decode(ByteReader& in);
};

// Head of kBackup, kCompare and kCopyChunk.
struct ReplicationHead {
  ViewId view;              // installed at the sender
  ViewId term;              // view under which the sender became owner
  std::uint32_t round = 0;  // of this follower's compare/copy; echoed in the answer
  std::uint8_t level = 0;   // maps with at least that many copies are held by the receiver
  Versions versions{};

  static constexpr std::size_t kRoundOffset = kDataHeadBytes + 64;
  void write(ByteWriter& out) const;
  static ReplicationHead read(ByteReader& in);
};
// Same message to another follower: only these two fields differ.
void patchFollower(Bytes& frame, std::uint32_t round, std::uint8_t level);

// An operation that was applied and its result, remembered for retries.
struct RecentItem {
  OpId id;
  bool hasValue = false;
  bool applied = true;  // false is written in protocol 2 only
  BytesView value;
  std::uint64_t count = 0;
  std::uint64_t seq = 0;
};

// What a removal, an expiry or a clear() leaves behind (map/tombstones.h).
struct TombstoneItem {
  BytesView key;  // empty for kCleared
  Burial why = Burial::kRemoved;
  Stamp stamp;
  std::int64_t age = 0;  // ms
};

struct BackupMessage {
  ReplicationHead head;
  bool hasOp = false;
  OpId id;
  bool applied = true;         // result of the operation; false in protocol 2 only
  bool returnsFormer = false;  // the result is the value the backup still has
  std::uint64_t count = 0;
  Effect effect = Effect::kNone;
  BytesView map, key, value;
  RecordMeta meta;
  bool ownAnswer = false;  // the result is `result` (entry processors, protocol 2)
  BytesView result;  // Effect::kContainer: answer to the operation; value = delta
  bool stamped = false;        // kRemoved, kCleared in protocol 2: leaves a tombstone
  Stamp stamp;
  Burial why = Burial::kRemoved;

  Bytes encode(std::uint16_t slot) const;
  static Result<BackupMessage> decode(ByteReader& in);
};

// kTouch, protocol 2: reads at the owner since the last one. Neither numbered nor acknowledged; it
// changes the last access and the hits of records that the receiver has, nothing else.
struct TouchItem {
  BytesView key;
  std::int64_t lastAccess = 0;
  std::uint32_t hits = 0;
};
struct TouchMessage {
  ReplicationHead head;
  bool complete = false;  // the owner serves no reads until the next view: all of them are told
  BytesView map;          // empty: no items
  // Of the map's store at the owner; without a map the owner's wall clock.
  std::int64_t idleFloor = 0;
  std::vector<TouchItem> items;

  static constexpr std::size_t kMaxItems = 1000;
  Bytes encode(std::uint16_t slot) const;
  static Result<TouchMessage> decode(ByteReader& in);
};

struct CompareMessage {
  ReplicationHead head;
  ViewId baseTerm;  // what the owner held when its term began
  std::uint8_t baseValidFrom = 0;
  Versions baseVersions{};
  bool hasDigest = false;    // protocol 2: of the records at the head's level and versions
  std::uint64_t digest = 0;

  Bytes encode(std::uint16_t slot) const;
  static Result<CompareMessage> decode(ByteReader& in);
};

// From kTombstone on: protocol 2.
enum class CopyItemKind : std::uint8_t {
  kMap = 1, kRecord = 2, kRecent = 3, kTombstone = 4,
  kRecentUnapplied = 5,  // as kRecent, the operation found nothing to do
  kForgotten = 6,        // operations of a caller up to this counter are not remembered any more
  kContainer = 16,
};
struct CopyItem {
  CopyItemKind kind = CopyItemKind::kMap;
  BytesView map;  // kMap: the records that follow belong to it; kContainer: its name, value = piece
  BytesView key, value;
  RecordMeta meta;
  RecentItem recent;
  TombstoneItem tombstone;
  OpId forgotten;
};
void writeTombstoneItem(ByteWriter& out, const TombstoneItem& tombstone);
void writeForgottenItem(ByteWriter& out, const OpId& upTo);
void writeMapItem(ByteWriter& out, BytesView map);
// `idleFloor`: the last access counts from there at the earliest.
void writeRecordItem(ByteWriter& out, const Record& record, std::int64_t idleFloor = 0);
void writeRecentItem(ByteWriter& out, const RecentItem& recent);
void writeContainerItem(ByteWriter& out, BytesView name, BytesView piece);

struct CopyChunkMessage {
  ReplicationHead head;       // versions: of the whole snapshot
  std::uint8_t validFrom = 0; // lowest level that the snapshot covers
  std::uint32_t index = 0;
  bool last = false;
  std::vector<CopyItem> items;

  // A frame up to the items, which the caller appends with the functions above.
  void begin(ByteWriter& out, std::uint16_t slot) const;
  static Result<CopyChunkMessage> decode(ByteReader& in);
};

// kDamaged: the numbers fit, the digest does not; only where one came.
enum class AckStatus : std::uint8_t { kOk, kMismatch, kStale, kDamaged };
// kBackupAck, kCompareReply, kCopyAck.
struct AckMessage {
  ViewId term;
  std::uint32_t round = 0;
  AckStatus status = AckStatus::kOk;
  std::uint64_t seq = 0;    // head.versions[0] of what is answered
  std::uint32_t index = 0;  // kCopyAck: chunk
  bool last = false;

  Bytes encode(Kind kind, std::uint16_t slot) const;
  static Result<AckMessage> decode(ByteReader& in);
};

struct TopicFrame {
  std::uint64_t sequence = 0;
  std::int64_t publishMillis = 0;
  BytesView topic, payload;

  Bytes encode(std::uint16_t slot) const;
  static Result<TopicFrame> decode(ByteReader& in);
};

}  // namespace ox::grid
