#include "map/tombstones.h"

#include <cstring>
#include <new>

namespace ox::grid {

void TombstoneLog::link(Tombstone* t) {
  t->older = newest_;
  t->newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = t;
  newest_ = t;
  ++number_;
  bytes_ += cost(*t);
}

void TombstoneLog::unlink(Tombstone* t) {
  (t->older != nullptr ? t->older->newer : oldest_) = t->newer;
  (t->newer != nullptr ? t->newer->older : newest_) = t->older;
  --number_;
  bytes_ -= cost(*t);
}

void TombstoneLog::enforce() {
  while (oldest_ != nullptr && (number_ > maxNumber_ || bytes_ > maxBytes_)) {
    ++dropped_;
    oldest_->home->remove(oldest_);
  }
}

void TombstoneLog::sweep(std::int64_t now, std::int64_t keepMillis) {
  for (std::size_t i = 0; i < kTombstonesSweptPerTick && oldest_ != nullptr; ++i) {
    if (oldest_->at > now - keepMillis) return;
    oldest_->home->remove(oldest_);
  }
}

void Tombstones::bury(BytesView key, Burial why, const Stamp& stamp, std::int64_t at) {
  if (why == Burial::kCleared) {
    key = {};
    if (cleared_ != nullptr && cleared_->stamp >= stamp) return;
    // Everything older is covered by the mark.
    absl::erase_if(byKey_, [&](Tombstone* t) {
      if (t->stamp > stamp) return false;
      release(t);
      return true;
    });
    if (cleared_ != nullptr) release(cleared_);
    cleared_ = nullptr;
  } else if (const auto it = byKey_.find(key); it != byKey_.end()) {
    Tombstone* known = *it;
    if (known->stamp > stamp) return;
    log_.unlink(known);
    known->stamp = stamp;
    known->why = why;
    known->at = at;
    log_.link(known);
    return;
  }
  void* block = ::operator new(sizeof(Tombstone) + key.size());
  auto* t = new (block) Tombstone();
  t->stamp = stamp;
  t->at = at;
  t->home = this;
  t->keySize = static_cast<std::uint32_t>(key.size());
  t->why = why;
  if (!key.empty()) std::memcpy(t + 1, key.data(), key.size());
  if (why == Burial::kCleared) cleared_ = t;
  else byKey_.insert(t);
  log_.link(t);
  log_.enforce();
}

void Tombstones::forget(BytesView key) {
  if (byKey_.empty()) return;
  const auto it = byKey_.find(key);
  if (it == byKey_.end()) return;
  Tombstone* t = *it;
  byKey_.erase(it);
  release(t);
}

void Tombstones::clear() {
  for (Tombstone* t : byKey_) release(t);
  byKey_.clear();
  if (cleared_ != nullptr) release(cleared_);
  cleared_ = nullptr;
}

const Tombstone* Tombstones::above(BytesView key, const Stamp& version) const {
  if (cleared_ != nullptr && cleared_->stamp > version) return cleared_;
  const auto it = byKey_.find(key);
  return it != byKey_.end() && (*it)->stamp > version ? *it : nullptr;
}

void Tombstones::remove(Tombstone* t) {
  if (t == cleared_) cleared_ = nullptr;
  else byKey_.erase(t);
  release(t);
}

void Tombstones::release(Tombstone* t) {
  log_.unlink(t);
  t->~Tombstone();
  ::operator delete(t);
}

}  // namespace ox::grid
