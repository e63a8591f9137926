#include "map/record_store.h"

#include <new>

namespace ox::grid {

Record* RecordStore::allocate(BytesView key, BytesView value) {
  void* block = ::operator new(sizeof(Record) + key.size() + value.size());
  auto* record = new (block) Record();
  record->keySize = static_cast<std::uint32_t>(key.size());
  record->valueSize = static_cast<std::uint32_t>(value.size());
  if (!key.empty()) std::memcpy(record->data(), key.data(), key.size());
  if (!value.empty()) std::memcpy(record->data() + key.size(), value.data(), value.size());
  return record;
}

void RecordStore::release(Record* record) {
  record->~Record();
  ::operator delete(record);
}

Record* RecordStore::put(BytesView key, BytesView value, const RecordMeta& meta) {
  const auto it = index_.find(key);
  Record* record = nullptr;
  if (keepFormer_) former_.reset();
  if (it == index_.end()) {
    record = allocate(key, value);
    record->slot = static_cast<std::uint32_t>(list_.size());
    list_.push_back(record);
    index_.insert(record);
    grown(static_cast<std::int64_t>(kOverhead + record->keySize + record->valueSize));
  } else {
    record = *it;
    if (observer_) observer_->removing(*record);
    if (keepFormer_) former_ = Bytes(record->value());
    digest_ -= digestOf(*record);
    expiring(record->canExpire() ? -1 : 0);
    if (record->valueSize == value.size()) {
      if (!value.empty())
        std::memmove(record->data() + record->keySize, value.data(), value.size());
    } else {
      Record* bigger = allocate(record->key(), value);
      grown(static_cast<std::int64_t>(bigger->valueSize) - record->valueSize);
      bigger->slot = record->slot;
      list_[record->slot] = bigger;
      // The key's bytes are the same, so that the slot of the index stays right.
      const_cast<Record*&>(*it) = bigger;
      release(record);
      record = bigger;
    }
  }
  if (tombstones_) tombstones_->forget(key);
  static_cast<RecordMeta&>(*record) = meta;
  digest_ += digestOf(*record);
  expiring(record->canExpire() ? 1 : 0);
  if (observer_) observer_->stored(*record);
  return record;
}

void RecordStore::touch(Record* record, std::int64_t now) {
  record->lastAccess = std::max(record->lastAccess, now);
  if (record->maxIdle == 0 || record->touched != 0) return;
  record->touched = 1;
  touched_.push_back(record->slot);
}

void RecordStore::moveIdle(std::int64_t ahead) {
  if (std::abs(ahead) < kClockGrainMillis || canExpire_ == 0) return;
  if (idleFloor_ != 0) idleFloor_ = std::max<std::int64_t>(idleFloor_ + ahead, 1);
  for (Record* record : list_) {
    if (record->maxIdle == 0) continue;
    record->lastAccess = std::max<std::int64_t>(record->lastAccess + ahead, 0);
    touch(record, 0);
  }
}

void RecordStore::erase(Record* record) {
  if (observer_) observer_->removing(*record);
  if (keepFormer_) former_ = Bytes(record->value());
  digest_ -= digestOf(*record);
  index_.erase(record->key());
  expiring(record->canExpire() ? -1 : 0);
  grown(-static_cast<std::int64_t>(kOverhead + record->keySize + record->valueSize));
  Record* last = list_.back();
  last->slot = record->slot;
  list_[record->slot] = last;
  if (last->touched != 0 && last != record) touched_.push_back(record->slot);
  list_.pop_back();
  release(record);
}

void RecordStore::bury(TombstoneLog& log, BytesView key, Burial why, const Stamp& stamp,
                       std::int64_t at) {
  if (why == Burial::kCleared) {
    // After a split some may be newer than the clear() of the other half.
    for (std::size_t i = list_.size(); i-- > 0;)
      if (list_[i]->version <= stamp) erase(list_[i]);
    sweepCursor = 0;
  } else if (Record* record = find(key)) {
    erase(record);
  }
  if (!tombstones_) tombstones_ = std::make_unique<Tombstones>(log);
  tombstones_->bury(key, why, stamp, at);
}

void RecordStore::clear() {
  clearRecords();
  tombstones_.reset();
}

void RecordStore::clearRecords() {
  if (observer_) observer_->clearing();
  index_.clear();
  for (Record* record : list_) release(record);
  list_.clear();
  touched_.clear();
  digest_ = 0;
  grown(-static_cast<std::int64_t>(bytes_));
  expiring(-static_cast<std::int64_t>(canExpire_));
  sweepCursor = 0;
}

}  // namespace ox::grid
