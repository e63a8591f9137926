// Ringbuffer: a container that keeps the newest items under rising sequence numbers.
//
// Sequences begin with 0 and rise by one per item. The oldest items make room when the capacity (items)
// or kMaxRingBytes is reached, and when their time to live is over (looked at about every 100 ms).
// Eras:      items written under one ownership form an era. Two copies of the buffer that know the same
//            era have the same items up to the end of the shorter one; so a reader that names the era of
//            the item before learns when a crash or a split has replaced what it had read.
// Split:     what the smaller side wrote since the split is appended to the other side's buffer, once.
// Formats:   docs/formats/containers.md
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "structures/registry.h"

namespace ox::grid {

inline constexpr std::size_t kMaxRingItem = 4u << 20;
inline constexpr std::size_t kMaxRingBytes = 64u << 20;
inline constexpr std::size_t kMaxRingBatch = 1000;             // items of one answer or request
inline constexpr std::size_t kMaxRingBatchBytes = 1u << 20;    // an answer ends with the item that exceeds it
inline constexpr std::size_t kMaxEras = 64;
inline constexpr std::size_t kRingItemOverhead = 64;
inline constexpr std::int64_t kFromTail = -1;                  // RingRead: tell the tail, no items

struct RingSettings {
  std::uint64_t capacity = 10'000;  // source: Hazelcast's RingbufferConfig defaults
  std::int64_t ttlSeconds = 0;      // 0 = for ever
};

struct RingItem {
  std::int64_t storedMillis = 0;
  Bytes value;
};

// id 0 = none. Era n ends where era n + 1 begins.
struct RingEra {
  std::uint64_t id = 0;
  std::int64_t first = 0;
  bool operator==(const RingEra&) const = default;
};
using RingEras = std::vector<RingEra>;
std::uint64_t eraOf(const RingEras& eras, std::int64_t sequence);  // 0 = not known
// Last sequence up to which both histories are the same; -1 = nothing in common.
std::int64_t commonEnd(const RingEras& a, std::int64_t tailA, const RingEras& b,
                       std::int64_t tailB);

// --- requests

struct RingAdd {
  bool overwrite = true;  // false: nothing is added when not all of it has room
  std::vector<BytesView> values;
  Bytes encode() const;
};
struct RingRead {
  std::int64_t start = 0;       // kFromTail = where the next item will be
  std::uint64_t era = 0;        // of the item before `start`; 0 = do not compare
  std::uint32_t atLeast = 1;    // waits for as many
  std::uint32_t atMost = 100;
  Bytes encode() const;
};
Bytes encodeRingInfo();

// --- answers

struct RingAdded {
  std::int64_t last = -1;  // sequence of the last item; -1 = no room
  Bytes encode() const;
  static Result<RingAdded> decode(BytesView bytes);
};
enum class RingStatus : std::uint8_t {
  kOk,
  kStale,     // `start` has been overwritten; items begin with `head`
  kDiverged,  // what the reader has read before is not this buffer's history
};
struct RingAnswer {
  RingStatus status = RingStatus::kOk;
  std::int64_t head = 0, tail = -1;
  std::uint64_t capacity = 0;
  RingEras eras;
  std::int64_t first = 0;  // sequence of items[0], or of the next item
  std::vector<RingItem> items;
  Bytes encode() const;
  static Result<RingAnswer> decode(BytesView bytes);
};

class Ringbuffer final : public Container {
 public:
  explicit Ringbuffer(RingSettings settings) : settings_(settings) {}

  ContainerOutcome apply(BytesView request, const ContainerContext& context) override;
  bool replay(BytesView delta) override;
  void snapshot(const Piece& out) const override;
  bool restore(BytesView piece) override;
  ContainerOutcome merge(BytesView piece, const ContainerContext& context) override;
  Bytes tick(const ContainerContext& context) override;
  bool empty() const override { return tail_ < 0; }
  std::size_t bytes() const override { return bytes_; }

  std::int64_t head() const { return tail_ + 1 - static_cast<std::int64_t>(items_.size()); }
  std::int64_t tail() const { return tail_; }

 private:
  struct Merged {  // what was taken over after a split: up to this sequence of that era
    std::uint64_t era = 0;
    std::int64_t last = -1;
  };
  struct SnapshotPiece {
    RingEras eras;
    std::vector<Merged> merged;
    std::int64_t tail = -1;   // of the whole
    std::int64_t first = 0;   // of this piece
    std::vector<RingItem> items;
    void encodeHead(ByteWriter& out) const;
    static bool decode(BytesView bytes, SnapshotPiece& out);
  };
  struct Delta {
    std::uint64_t era = 0;    // 0 = nothing is appended
    std::uint32_t dropped = 0;
    std::vector<BytesView> values;
    std::vector<std::int64_t> times;
    std::vector<Merged> merged;
    Bytes encode() const;
    static bool decode(BytesView bytes, Delta& out);
  };
  ContainerOutcome add(ByteReader& in, const ContainerContext& context);
  ContainerOutcome read(ByteReader& in, const ContainerContext& context) const;
  RingAnswer figures() const;
  void makeRoom(Delta& delta) const;  // sets `dropped`
  void take(const Delta& delta);
  static void writeMerged(ByteWriter& out, const std::vector<Merged>& merged);
  static std::vector<Merged> readMerged(ByteReader& in);
  static void remember(std::vector<Merged>& merged, Merged one);

  const RingSettings settings_;
  std::deque<RingItem> items_;
  std::int64_t tail_ = -1;
  std::size_t bytes_ = 0;
  RingEras eras_;                // oldest first, at most kMaxEras
  std::vector<Merged> merged_;   // at most kMaxEras
};

// Types "ring" (of Grid::ringbuffer) and "topic" (of Grid::reliableTopic).
void addRingbuffers(ContainerRegistry& registry, RingSettings settings = {});

}  // namespace ox::grid
