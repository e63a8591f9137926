// Record: one entry of a map, header, key and value in one allocation; and the hybrid clock.
//
// Threads:   one (its shard's).
// Ownership: a Record belongs to its RecordStore and dies with it or with the entry.
// Units:     milliseconds since 1970 unless named otherwise; 0 = never.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace ox::grid {

inline constexpr std::size_t kMaxKeyBytes = 64u << 10;
inline constexpr std::size_t kMaxValueBytes = 16u << 20;

// When and by whom a value was written: hybrid logical clock (milliseconds << 16 | counter) and
// the writer as tie-break. Greater = newer, on every member alike.
struct Stamp {
  std::uint64_t time = 0;
  std::uint64_t origin = 0;
  auto operator<=>(const Stamp&) const = default;
};

// Never goes back, and is always ahead of every stamp it was told about.
class HybridClock {
 public:
  explicit HybridClock(std::uint64_t origin) : origin_(origin) {}
  Stamp next(std::int64_t wallMillis) {
    last_ = std::max(last_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(wallMillis, 0))
                                    << 16);
    return {last_, origin_};
  }
  void merge(const Stamp& seen) { last_ = std::max(last_, seen.time); }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t origin_;
};

struct RecordMeta {
  Stamp version;
  std::int64_t creation = 0;
  std::int64_t lastAccess = 0;
  std::int64_t ttl = 0;      // 0 = for ever
  std::int64_t maxIdle = 0;  // 0 = for ever
  std::int64_t expiry = 0;   // end of the ttl
  std::uint32_t hits = 0;
};

struct Record : RecordMeta {
  std::uint32_t slot = 0;  // place in RecordStore's list
  std::uint32_t keySize : 31 = 0;
  std::uint32_t touched : 1 = 0;  // read since the followers were told (RecordStore::touch)
  std::uint32_t valueSize = 0;
  BytesView key() const { return {data(), keySize}; }
  BytesView value() const { return {data() + keySize, valueSize}; }
  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  bool canExpire() const { return ttl != 0 || maxIdle != 0; }
};
// Every entry and every copy pays for it: a goal of the figures of memory, not an accident.
static_assert(sizeof(Record) <= 80);

// 64 bits of a key or name, the same on every member and machine (little-endian words, multiply and
// fold). Not for tables: it has no secret.
inline std::uint64_t foldBits(std::uint64_t v) {
  v ^= v >> 32;
  v *= 0xd6e8feb86659fd93ULL;
  v ^= v >> 32;
  v *= 0xd6e8feb86659fd93ULL;
  return v ^ (v >> 32);
}
inline std::uint64_t digestOf(BytesView bytes) {
  std::uint64_t h = bytes.size() * 0x9e3779b97f4a7c15ULL;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    const std::size_t n = std::min<std::size_t>(8, bytes.size() - i);
    for (std::size_t b = 0; b < n; ++b)
      word |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i + b])) << (8 * b);
    h = foldBits(h ^ word);
  }
  return h;
}

// Equality of serialized Data: same type id and payload, the partition hash in the first four
// bytes is ignored (source: Hazelcast's HeapData.equals). Shorter blobs are compared whole.
inline BytesView comparable(BytesView blob) { return blob.size() >= 8 ? blob.substr(4) : blob; }
inline bool sameData(BytesView a, BytesView b) { return comparable(a) == comparable(b); }

}  // namespace ox::grid
