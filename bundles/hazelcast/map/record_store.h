// RecordStore: the entries of one map in one partition.
//
// Purpose:   look-up by Data equality, bounded walks by position, byte accounting.
// Threads:   one (its shard's).
// Ownership: owns its records; pointers stay good until the record is replaced or erased. Owns its
//            tombstones too; they cost one pointer while there are none.
// Walks:     at(i), i < size(). Erasing moves the last record to the freed place, so a walk from
//            high to low positions misses nothing (it may meet a record twice).
#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "map/record.h"
#include "map/tombstones.h"

namespace ox::grid {

// What the stores of one shard take, kept up to date by them.
struct StoreUse {
  std::int64_t bytes = 0;
  std::int64_t canExpire = 0;
};

// Is told of every change of a store; the record is whole when it is called.
class RecordObserver {
 public:
  virtual ~RecordObserver() = default;
  virtual void removing(Record& record) = 0;  // or about to be overwritten
  virtual void stored(Record& record) = 0;
  virtual void clearing() = 0;
};

class RecordStore {
 public:
  explicit RecordStore(StoreUse* use = nullptr) : use_(use) {}
  ~RecordStore() { clear(); }
  RecordStore(const RecordStore&) = delete;
  RecordStore& operator=(const RecordStore&) = delete;

  Record* find(BytesView key) const {
    const auto it = index_.find(key);
    return it == index_.end() ? nullptr : *it;
  }
  // Stores or replaces; a replaced record keeps the key bytes it was created with. Its tombstone
  // goes: the record's own version speaks for it from now on.
  Record* put(BytesView key, BytesView value, const RecordMeta& meta);
  void erase(Record* record);
  void clear();  // as if nothing had ever been here
  // Removes the record, if there is one, and leaves the tombstone. kCleared: all that are not newer
  // than the stamp, and one mark for them.
  void bury(TombstoneLog& log, BytesView key, Burial why, const Stamp& stamp, std::int64_t at);
  const Tombstone* above(BytesView key, const Stamp& version) const {
    return tombstones_ ? tombstones_->above(key, version) : nullptr;
  }
  const Tombstones* tombstones() const { return tombstones_.get(); }
  void dropTombstones() { tombstones_.reset(); }
  // Neither records nor tombstones.
  bool nothing() const { return list_.empty() && (!tombstones_ || tombstones_->empty()); }

  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  std::uint64_t bytes() const { return bytes_; }
  // Sum over key and version of every record: equal stores have equal digests, whatever the order.
  std::uint64_t digest() const { return digest_; }
  Record* at(std::size_t position) const { return list_[position]; }
  std::size_t canExpire() const { return canExpire_; }
  bool expired(const Record& record, std::int64_t now) const {
    if (record.ttl != 0 && now >= record.expiry) return true;
    return record.maxIdle != 0 &&
           now >= std::max(record.lastAccess, idleFloor_) + record.maxIdle;
  }
  // Idle times count from here at the earliest: reads before it may not have been heard of.
  void restartIdle(std::int64_t from) { idleFloor_ = std::max(idleFloor_, from); }
  std::int64_t idleFloor() const { return idleFloor_; }
  // To a clock that is so many ms ahead (negative: behind). Less than kClockGrainMillis, the time
  // of a message and clocks that are kept, is let be; more is told to the followers as reads are.
  static constexpr std::int64_t kClockGrainMillis = 20;
  void moveIdle(std::int64_t ahead);
  // Read now. What can be idle too long is remembered for the followers.
  void touch(Record* record, std::int64_t now);
  // Calls f(Record&) for what was touched since the last call and is still there.
  template <typename F>
  void takeTouched(F&& f) {
    for (const std::uint32_t position : touched_) {
      if (position >= list_.size() || list_[position]->touched == 0) continue;
      list_[position]->touched = 0;
      f(*list_[position]);
    }
    touched_.clear();
  }

  // At most one observer (the indexes); owned. Null ends it.
  void observe(std::unique_ptr<RecordObserver> observer) { observer_ = std::move(observer); }
  RecordObserver* observer() const { return observer_.get(); }
  // While on, the value that the last put() or erase() found is kept for takeFormer().
  void keepFormer(bool on) {
    keepFormer_ = on;
    if (!on) former_.reset();
  }
  std::optional<Bytes> takeFormer() { return std::exchange(former_, std::nullopt); }

  std::size_t sweepCursor = 0;  // of the expiry sweep

  // Bytes of one entry beside key and value: header, index and list slots.
  static constexpr std::uint64_t kOverhead = sizeof(Record) + 2 * sizeof(Record*) + 2;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(BytesView key) const {
      return std::hash<BytesView>{}(comparable(key));
    }
    std::size_t operator()(const Record* r) const { return (*this)(r->key()); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Record* a, const Record* b) const { return sameData(a->key(), b->key()); }
    bool operator()(const Record* a, BytesView b) const { return sameData(a->key(), b); }
    bool operator()(BytesView a, const Record* b) const { return sameData(a, b->key()); }
  };
  void clearRecords();
  static std::uint64_t digestOf(const Record& r) {
    return foldBits(grid::digestOf(comparable(r.key())) ^ foldBits(r.version.time) ^
                    (r.version.origin * 0x9e3779b97f4a7c15ULL));
  }
  void grown(std::int64_t bytes) {
    bytes_ += static_cast<std::uint64_t>(bytes);
    if (use_ != nullptr) use_->bytes += bytes;
  }
  void expiring(std::int64_t records) {
    canExpire_ += static_cast<std::size_t>(records);
    if (use_ != nullptr) use_->canExpire += records;
  }
  static Record* allocate(BytesView key, BytesView value);
  static void release(Record* record);

  StoreUse* use_ = nullptr;
  absl::flat_hash_set<Record*, Hash, Equal> index_;
  std::unique_ptr<RecordObserver> observer_;
  std::optional<Bytes> former_;
  bool keepFormer_ = false;
  std::vector<Record*> list_;
  std::vector<std::uint32_t> touched_;  // positions; some may be of others by now
  std::unique_ptr<Tombstones> tombstones_;
  std::uint64_t bytes_ = 0;
  std::uint64_t digest_ = 0;
  std::size_t canExpire_ = 0;
  std::int64_t idleFloor_ = 0;
};

}  // namespace ox::grid
