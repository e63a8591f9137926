#include "partition/replica.h"

#include <algorithm>

namespace ox::grid {

const RecentOperations::Entry* RecentOperations::find(const OpId& id) const {
  const auto it = byId_.find(id);
  return it == byId_.end() ? nullptr : &entries_[it->second - first_];
}

void RecentOperations::add(Entry entry, std::int64_t maxAgeMillis) {
  const std::int64_t oldest = entry.at - maxAgeMillis;
  bytes_ += entry.value ? entry.value->size() : 0;
  byId_[entry.id] = first_ + entries_.size();
  entries_.push_back(std::move(entry));
  while (entries_.size() > kMaxEntries || entries_.front().at < oldest ||
         (bytes_ > kMaxBytes && entries_.size() > kAlwaysKept))
    dropOldest();
}

void RecentOperations::dropOldest() {
  const Entry& entry = entries_.front();
  bytes_ -= entry.value ? entry.value->size() : 0;
  const auto it = byId_.find(entry.id);
  if (it != byId_.end() && it->second == first_) byId_.erase(it);
  forgetUpTo(entry.id);
  entries_.pop_front();
  ++first_;
}

void RecentOperations::forgetUpTo(const OpId& id) {
  const auto it = forgotten_.find(id.member);
  if (it != forgotten_.end()) it->second = std::max(it->second, id.counter);
  else if (forgotten_.size() < kMaxCallers) forgotten_.emplace(id.member, id.counter);
}

void RecentOperations::clear() {
  entries_.clear();
  byId_.clear();
  forgotten_.clear();
  bytes_ = 0;
}

void Replica::forget() {
  term = {};
  termOwner = {};
  versions = {};
  validFrom = 0;
  seqSeen = 0;
  stores.clear();
  containers.clear();
  recent.clear();
}

}  // namespace ox::grid
