// Whole-map operations (partition by partition) and figures.
#include <algorithm>

#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;

// --- at the owner

void Impl::runBulk(Partition& p, MapInfo& m, OpKind kind, std::uint32_t cursor,
                   const OpId* remote, Executed& out) {
  RecordStore* records = findStore(p.data, m.index);
  const std::int64_t now = wall();
  if (kind == OpKind::kClear && records == nullptr && tombstones())
    records = &store(p.data, m.index);  // what is cleared may live in the other half of a split
  if (records == nullptr) return;
  if (kind == OpKind::kClear) {
    if (records->empty() && !tombstones()) return;
    out.result.count = records->size();
    out.result.reply.applied = true;
    Change change;
    change.effect = Effect::kCleared;
    change.why = Burial::kCleared;
    change.remote = remote;
    change.result = &out.result;
    if (tombstones()) {
      change.stamp = hybrid_.next(now);
      records->bury(tombstoneLog_, {}, change.why, change.stamp, steady());
    } else {
      records->clear();
    }
    m.removes += out.result.count;
    m.lastUpdate = now;
    out.waitFor = replicate(p, m, change);
    return;
  }
  if (kind == OpKind::kSize) {
    if (records->canExpire() == 0) {
      out.result.count = records->size();
      return;
    }
    for (std::size_t i = 0; i < records->size(); ++i)
      out.result.count += records->expired(*records->at(i), now) ? 0 : 1;
    return;
  }
  // From high to low positions (RecordStore: Walks), as many as fit one answer.
  std::size_t position = std::min<std::size_t>(cursor, records->size());
  std::size_t bytes = 0;
  while (position > 0 && bytes < kBulkReplyBytes) {
    const Record& record = *records->at(--position);
    if (records->expired(record, now)) continue;
    services::MapEntry entry;
    entry.key = Bytes(record.key());
    if (kind == OpKind::kEntries) entry.value = Bytes(record.value());
    bytes += entry.key.size() + entry.value.size() + sizeof(entry);
    out.result.entries.push_back(std::move(entry));
  }
  out.result.cursor = static_cast<std::uint32_t>(position);
}

// --- at the caller

void Impl::askPartition(int number, const std::string& name, OpKind kind, std::uint32_t cursor,
                        InternalDone done) {
  Call call;
  call.partition = number;
  call.kind = kind;
  call.map = name;
  call.cursor = cursor;
  call.internal = std::move(done);
  submit(std::move(call));
}

// One partition answers in pages; the next one is asked for when the former has come.
void Impl::askPage(std::shared_ptr<Pages> pages, std::uint32_t cursor) {
  const Pages& ask = *pages;
  askPartition(ask.partition, ask.map, ask.kind, cursor,
               [this, pages = std::move(pages)](Result<OpResult> r) {
                 if (!r) return pages->done(std::move(r));
                 std::move(r->entries.begin(), r->entries.end(),
                           std::back_inserter(pages->entries));
                 if (r->cursor != 0) return askPage(pages, r->cursor);
                 // A record that moved meanwhile may have been seen twice.
                 absl::flat_hash_set<std::string, NameHash, NameEqual> seen;
                 OpResult all;
                 for (auto& entry : pages->entries)
                   if (seen.insert(std::string(comparable(entry.key))).second)
                     all.entries.push_back(std::move(entry));
                 pages->done(std::move(all));
               });
}

void Impl::overPartitions(const std::string& name, OpKind kind,
                          std::function<void(Result<OpResult>)> total) {
  enter();
  if (!view_) return total(Error(Code::kGridNotJoined));
  if (name.empty() || name.size() > kMaxNameBytes || isContainerName(name))
    return total(Error(Code::kInvalid, "a map name has 1.." + std::to_string(kMaxNameBytes) +
                                           " bytes and does not begin with '@'"));
  if (calls_.size() + pendingWrites_ >= settings_.maxPendingOperations)
    return total(Error(Code::kBusy));
  struct Sum {
    std::size_t left = 0;
    OpResult result;
    bool failed = false;
    Error error;
    std::function<void(Result<OpResult>)> total;
  };
  auto sum = std::make_shared<Sum>();
  sum->total = std::move(total);
  std::vector<int> numbers;
  for (const auto& p : partitions_)
    if (p) numbers.push_back(p->number);
  sum->left = numbers.size() + 1;
  const auto one = [sum](Result<OpResult> r) {
    if (r) {
      sum->result.count += r->count;
      std::move(r->entries.begin(), r->entries.end(), std::back_inserter(sum->result.entries));
    } else if (!sum->failed) {
      sum->failed = true;
      sum->error = r.error();
    }
    if (--sum->left > 0) return;
    if (sum->failed) sum->total(sum->error);
    else sum->total(std::move(sum->result));
  };
  for (const int number : numbers) {
    if (kind != OpKind::kEntries && kind != OpKind::kKeys) {
      askPartition(number, name, kind, 0, one);
      continue;
    }
    auto pages = std::make_shared<Pages>();
    pages->partition = number;
    pages->map = name;
    pages->kind = kind;
    pages->done = one;
    askPage(std::move(pages), UINT32_MAX);
  }
  one(OpResult{});
}

void Impl::size(const std::string& name, services::Completion<std::uint64_t> done) {
  overPartitions(name, OpKind::kSize, [done = std::move(done)](Result<OpResult> r) {
    if (r) done(r->count);
    else done(r.error());
  });
}
void Impl::clear(const std::string& name, services::Completion<std::uint64_t> done) {
  overPartitions(name, OpKind::kClear, [done = std::move(done)](Result<OpResult> r) {
    if (r) done(r->count);
    else done(r.error());
  });
}
void Impl::entries(const std::string& name, bool withValues,
                   services::Completion<std::vector<services::MapEntry>> done) {
  overPartitions(name, withValues ? OpKind::kEntries : OpKind::kKeys,
                 [done = std::move(done)](Result<OpResult> r) {
                   if (r) done(std::move(r->entries));
                   else done(r.error());
                 });
}

// --- figures

services::MapStats Impl::localStats(const std::string& name) const {
  services::MapStats stats;
  const auto it = byName_.find(BytesView(name));
  if (it == byName_.end()) {
    stats.backupCount = configs_->of(name).backupCount;
    return stats;
  }
  const MapInfo& m = *it->second;
  for (const auto& p : partitions_) {
    const RecordStore* records = p ? findStore(p->data, m.index) : nullptr;
    if (records == nullptr) continue;
    (p->owner ? stats.ownedEntryCount : stats.backupEntryCount) += records->size();
    (p->owner ? stats.ownedEntryMemoryCost : stats.backupEntryMemoryCost) += records->bytes();
  }
  featureStats(m, stats);
  stats.backupCount = m.sync;
  stats.hits = m.hits;
  stats.getOperationCount = m.gets;
  stats.putOperationCount = m.puts;
  stats.removeOperationCount = m.removes;
  stats.lastAccessTime = m.lastAccess;
  stats.lastUpdateTime = m.lastUpdate;
  return stats;
}

std::vector<std::string> Impl::mapNames() const {
  std::vector<std::string> names;
  for (const auto& m : maps_)
    if (!isContainerName(m->name)) names.push_back(m->name);
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t Impl::ownedEntries() const {
  std::uint64_t n = 0;
  for (const auto& p : partitions_) {
    if (!p || !p->owner) continue;
    for (const auto& records : p->data.stores) n += records ? records->size() : 0;
  }
  return n;
}

std::uint64_t Impl::unsyncedReplicas() const {
  std::uint64_t n = 0;
  for (const auto& p : partitions_) {
    if (!p || !p->owner) continue;
    for (const auto& f : p->followers)
      n += f.index >= 1 && f.sync != Follower::Sync::kSynced ? 1 : 0;
  }
  return n;
}

}  // namespace ox::grid
