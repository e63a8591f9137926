// Tombstones: what a removal, an expiry and a clear() leave behind, so that an older copy of the
// entry (from the other half of a split, from a late message) is known to be older.
//
// Purpose:   a record of version v must not come back where a tombstone of its key, or the mark of
//            a clear(), has a stamp above v. An expiry leaves the version of the record that
//            expired: an equally old copy that somebody still uses elsewhere lives on.
// Threads:   one (its shard's).
// Ownership: TombstoneLog is the shard's and outlives every Tombstones, which is one store's.
// Bounds:    number and bytes per shard; the oldest go first and are counted. Kept for a time.
// Units:     steady milliseconds for ages.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>

#include "map/record.h"

namespace ox::grid {

inline constexpr std::size_t kMaxTombstones = 200'000;            // per shard
inline constexpr std::size_t kMaxTombstoneBytes = 32u << 20;      // per shard
inline constexpr std::size_t kTombstonesSweptPerTick = 5000;

enum class Burial : std::uint8_t { kRemoved = 0, kExpired = 1, kCleared = 2 };

class Tombstones;

// Header and key in one allocation, in the shard's list from old to new.
struct Tombstone {
  Stamp stamp;
  std::int64_t at = 0;
  Tombstone* older = nullptr;
  Tombstone* newer = nullptr;
  Tombstones* home = nullptr;
  std::uint32_t keySize = 0;
  Burial why = Burial::kRemoved;
  BytesView key() const { return {reinterpret_cast<const char*>(this + 1), keySize}; }
};

class TombstoneLog {
 public:
  explicit TombstoneLog(std::size_t maxNumber = kMaxTombstones,
                        std::size_t maxBytes = kMaxTombstoneBytes)
      : maxNumber_(maxNumber), maxBytes_(maxBytes) {}
  TombstoneLog(const TombstoneLog&) = delete;
  TombstoneLog& operator=(const TombstoneLog&) = delete;

  // Forgets those older than `keepMillis`, a bounded number per call.
  void sweep(std::int64_t now, std::int64_t keepMillis);
  std::size_t size() const { return number_; }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t dropped() const { return dropped_; }  // before their time, for a bound

 private:
  friend class Tombstones;
  void link(Tombstone* t);
  void unlink(Tombstone* t);
  void enforce();
  static std::size_t cost(const Tombstone& t) { return sizeof(Tombstone) + t.keySize + 16; }

  const std::size_t maxNumber_;
  const std::size_t maxBytes_;
  Tombstone* oldest_ = nullptr;
  Tombstone* newest_ = nullptr;
  std::size_t number_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

class Tombstones {
 public:
  explicit Tombstones(TombstoneLog& log) : log_(log) {}
  ~Tombstones() { clear(); }
  Tombstones(const Tombstones&) = delete;
  Tombstones& operator=(const Tombstones&) = delete;

  // The key (kCleared: every key) up to this stamp. An existing one only moves forward.
  void bury(BytesView key, Burial why, const Stamp& stamp, std::int64_t at);
  void forget(BytesView key);  // a newer record is there
  void clear();
  // The one that forbids a record of this version, or null.
  const Tombstone* above(BytesView key, const Stamp& version) const;

  bool empty() const { return byKey_.empty() && cleared_ == nullptr; }
  std::size_t size() const { return byKey_.size() + (cleared_ != nullptr ? 1 : 0); }
  template <typename F>
  void each(F&& f) const {
    if (cleared_ != nullptr) f(*cleared_);
    for (const Tombstone* t : byKey_) f(*t);
  }

 private:
  friend class TombstoneLog;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(BytesView key) const { return std::hash<BytesView>{}(comparable(key)); }
    std::size_t operator()(const Tombstone* t) const { return (*this)(t->key()); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Tombstone* a, const Tombstone* b) const {
      return sameData(a->key(), b->key());
    }
    bool operator()(const Tombstone* a, BytesView b) const { return sameData(a->key(), b); }
    bool operator()(BytesView a, const Tombstone* b) const { return sameData(a, b->key()); }
  };
  void remove(Tombstone* t);   // out of everything, and freed
  void release(Tombstone* t);  // out of the list, and freed

  TombstoneLog& log_;
  absl::flat_hash_set<Tombstone*, Hash, Equal> byKey_;
  Tombstone* cleared_ = nullptr;
};

}  // namespace ox::grid
