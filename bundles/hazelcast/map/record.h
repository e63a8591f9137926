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
  std::uint32_t keySize = 0;
  std::uint32_t valueSize = 0;
  BytesView key() const { return {data(), keySize}; }
  BytesView value() const { return {data() + keySize, valueSize}; }
  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  bool canExpire() const { return ttl != 0 || maxIdle != 0; }
};

// Equality of serialized Data: same type id and payload, the partition hash in the first four
// bytes is ignored (source: Hazelcast's HeapData.equals). Shorter blobs are compared whole.
inline BytesView comparable(BytesView blob) { return blob.size() >= 8 ? blob.substr(4) : blob; }
inline bool sameData(BytesView a, BytesView b) { return comparable(a) == comparable(b); }

}  // namespace ox::grid
