// The merge after two halves of a split unite: the joining members keep what they own, and offer it,
// entry by entry with versions, to the owners of the cluster they join, which decide.
//
// A member that dies before it has offered everything: what it owned is offered by its first backup
// too, after that one's own entries. Such a second offer never takes anything away that the map's
// policy would have kept from the owner's offer (carefully()), so it may come before it, after it, or
// long after.
//
// Restartable: what was not answered for good goes back to the queue, whatever happened meanwhile
// (another split, a crash of the owner, a time-out); asking twice does no harm, because equal
// versions are the same write, and a retry of the same operation is answered from memory.
#include <algorithm>
#include <optional>

#include "partition/shard_impl.h"
#include "serialization/data.h"

namespace ox::grid {

using Impl = ShardCore::Impl;

namespace {
// What the owner answers in OpResult::count; 0 = an owner of protocol 1, which says only `applied`.
enum class Verdict : std::uint8_t {
  kUnknown, kAdded, kReplaced, kSame, kOlder, kRemoved, kExpired, kPolicy, kNothing,
};

// Which of two entries holds the higher whole number; nothing when one of them holds something else.
std::optional<bool> offersHigher(BytesView offered, BytesView there) {
  const auto mine = serialization::longFrom(offered);
  const auto other = serialization::longFrom(there);
  if (!mine || !other || *mine == *other) return std::nullopt;
  return *mine > *other;
}

Verdict judge(MergePolicy policy, const Record* record, bool buried, const RecordMeta& meta,
              BytesView value, std::int64_t now) {
  if (meta.ttl != 0 && now >= meta.expiry) return Verdict::kExpired;
  if (policy == MergePolicy::kDiscard) return Verdict::kPolicy;
  if (record != nullptr && record->version == meta.version) return Verdict::kSame;
  if (policy == MergePolicy::kPassThrough)
    return record != nullptr ? Verdict::kReplaced : Verdict::kAdded;
  if (record == nullptr) return buried ? Verdict::kRemoved : Verdict::kAdded;
  switch (policy) {
    case MergePolicy::kPutIfAbsent:
      return Verdict::kPolicy;
    case MergePolicy::kHigherHits:
      return meta.hits > record->hits ? Verdict::kReplaced : Verdict::kPolicy;
    case MergePolicy::kHigherNumber:
      if (const auto higher = offersHigher(value, record->value()))
        return *higher ? Verdict::kReplaced : Verdict::kPolicy;
      [[fallthrough]];
    default:
      // A record above the mark of a clear() lives; below it nothing does.
      return record->version > meta.version ? Verdict::kOlder
             : buried                       ? Verdict::kRemoved
                                            : Verdict::kReplaced;
  }
}
MergePolicy carefully(MergePolicy policy) {
  switch (policy) {
    case MergePolicy::kPassThrough: return MergePolicy::kLatestUpdate;
    case MergePolicy::kHigherHits: return MergePolicy::kPutIfAbsent;
    default: return policy;
  }
}
}  // namespace

// --- at the owner of the other side

void Impl::runMerge(Partition& p, MapInfo& m, const OperationInput& in, const RecordMeta& meta,
                    std::uint32_t holder, const OpId* remote, Executed& out) {
  RecordStore& records = store(p.data, m.index);
  const std::int64_t now = wall();
  const MergePolicy policy =
      holder == kOfferOfBackup ? carefully(m.config.mergePolicy) : m.config.mergePolicy;
  hybrid_.merge(meta.version);
  Record* record = records.find(in.key);
  if (record != nullptr && record->canExpire() && records.expired(*record, now) &&
      record->version < meta.version) {
    expire(p, m, records, record);
    record = nullptr;
  }
  const bool buried = records.above(in.key, meta.version) != nullptr;
  const Verdict verdict = judge(policy, record, buried, meta, in.value, now);
  out.result.count = static_cast<std::uint64_t>(verdict);
  if (verdict == Verdict::kSame) {
    out.result.reply.applied = true;
    record->lastAccess = std::max(record->lastAccess, meta.lastAccess);
    record->hits = std::max(record->hits, meta.hits);
    return;
  }
  if (verdict != Verdict::kAdded && verdict != Verdict::kReplaced) return;
  RecordMeta kept = meta;
  kept.lastAccess = now;
  // Taken by policy although older: from now on it is the newest.
  if (buried || (record != nullptr && record->version > meta.version))
    kept.version = hybrid_.next(now);
  out.result.reply.applied = true;
  m.lastUpdate = now;
  Change change;
  change.effect = Effect::kStored;
  change.key = in.key;
  change.record = records.put(in.key, in.value, kept);
  change.cause = Change::Cause::kMerge;
  change.remote = remote;
  change.result = &out.result;
  out.waitFor = replicate(p, m, change);
}

void Impl::runMergeRemoval(Partition& p, MapInfo& m, const OperationInput& in, std::uint32_t why,
                           const Stamp& stamp, const OpId* remote, Executed& out) {
  out.result.count = static_cast<std::uint64_t>(Verdict::kNothing);
  const MergePolicy policy = m.config.mergePolicy;
  if (policy != MergePolicy::kLatestUpdate && policy != MergePolicy::kPassThrough &&
      policy != MergePolicy::kHigherNumber)
    return;
  RecordStore& records = store(p.data, m.index);
  hybrid_.merge(stamp);
  const auto burial = static_cast<Burial>(why);
  Change change;
  change.key = in.key;
  change.stamp = stamp;
  change.why = burial;
  change.remote = remote;
  change.result = &out.result;
  const std::size_t before = records.size();
  if (burial == Burial::kCleared) {
    change.effect = Effect::kCleared;
    change.key = {};
  } else {
    const Record* record = records.find(in.key);
    if (record != nullptr && record->version >= stamp) return;
    if (records.above(in.key, stamp) != nullptr) return;
    change.effect = Effect::kRemoved;
  }
  records.bury(tombstoneLog_, change.key, burial, stamp, steady());
  const std::size_t removed = before - records.size();
  out.result.reply.applied = removed > 0;
  if (removed > 0) {
    out.result.count = static_cast<std::uint64_t>(Verdict::kRemoved);
    m.removes += removed;
    m.lastUpdate = wall();
  }
  out.waitFor = replicate(p, m, change);
}

// --- at the joining side

void Impl::keepForMerge(Kept kept) { merge_.push_back(std::move(kept)); }

void Impl::keepEntriesForMerge() {
  const std::int64_t now = wall();
  for (const auto& p : partitions_) {
    if (!p || !p->owner) continue;
    for (const MapInfo* m : maps_) {
      const RecordStore* records = findStore(p->data, m->index);
      if (records == nullptr) continue;
      if (m->config.mergePolicy == MergePolicy::kDiscard) {
        merged_[m->name].droppedPolicy += records->size();
        continue;
      }
      Kept kept;
      kept.partition = p->number;
      kept.map = m->name;
      // The removals first: what follows was written later, or elsewhere.
      if (records->tombstones() != nullptr) {
        kept.kind = OpKind::kMergeRemoval;
        records->tombstones()->each([&](const Tombstone& t) {
          kept.key = Bytes(t.key());
          kept.meta.version = t.stamp;
          kept.cursor = static_cast<std::uint32_t>(t.why);
          keepForMerge(kept);
        });
      }
      kept.kind = OpKind::kMerge;
      kept.cursor = 0;
      for (std::size_t i = 0; i < records->size(); ++i) {
        const Record& record = *records->at(i);
        if (records->expired(record, now)) {
          ++merged_[m->name].droppedExpired;
          continue;
        }
        kept.key = Bytes(record.key());
        kept.value = Bytes(record.value());
        kept.meta = record;
        keepForMerge(kept);
      }
    }
  }
  for (const auto& p : partitions_)
    if (p && !p->owner) keepBackupForMerge(*p);
  mergeFrom_ = view_;
  keepContainersForMerge();
  listenersLost();
}

// The stores themselves are kept, so this takes no memory; the partition holds nothing any more.
void Impl::keepBackupForMerge(Partition& p) {
  if (!view_ || p.data.validFrom > 1 ||
      view_->partitions[static_cast<std::size_t>(p.number)].indexOf(settings_.self) != 1)
    return;
  for (const MapInfo* m : maps_) {
    RecordStore* records = findStore(p.data, m->index);
    if (records == nullptr || records->nothing() || m->copies < 1 ||
        m->config.mergePolicy == MergePolicy::kDiscard)
      continue;
    records->observe(nullptr);
    keptStores_.push_back({p.number, m->name, std::move(p.data.stores[m->index])});
  }
  p.data.forget();
}

// Own entries first: here and, as nothing is lost by waiting, probably at the owners as well.
void Impl::unpackKeptStores() {
  const std::int64_t now = wall();
  while (!keptStores_.empty() && merge_.size() < kMaxMergeInFlight) {
    KeptStore& from = keptStores_.front();
    Kept kept;
    kept.partition = from.partition;
    kept.map = from.map;
    if (from.records->tombstones() != nullptr) {
      kept.kind = OpKind::kMergeRemoval;
      from.records->tombstones()->each([&](const Tombstone& t) {
        kept.key = Bytes(t.key());
        kept.meta.version = t.stamp;
        kept.cursor = static_cast<std::uint32_t>(t.why);
        kept.offered = kOfferOfBackup;
        keepForMerge(kept);
      });
      from.records->dropTombstones();
    }
    kept.kind = OpKind::kMerge;
    kept.cursor = kept.offered = kOfferOfBackup;
    for (std::size_t n = 0; n < kMaxMergeInFlight && !from.records->empty(); ++n) {
      Record* record = from.records->at(from.records->size() - 1);
      if (!from.records->expired(*record, now)) {
        kept.key = Bytes(record->key());
        kept.value = Bytes(record->value());
        kept.meta = *record;
        keepForMerge(kept);
      }
      from.records->erase(record);
    }
    if (from.records->empty()) keptStores_.pop_front();
  }
}

void Impl::pumpMerge() {
  if (!view_ || view_ == mergeFrom_) return;
  if (merge_.empty()) unpackKeptStores();
  if (merge_.empty()) {
    // All that this shard had belongs to maps that discard.
    if (mergeInFlight_ == 0 && !merged_.empty()) reportMerge();
    return;
  }
  mergeFrom_.reset();
  for (std::size_t n = 0; n < kMaxMergeInFlight; ++n) {
    if (merge_.empty() || mergeInFlight_ >= kMaxMergeInFlight) return;
    Kept kept = std::move(merge_.front());
    merge_.pop_front();
    if (kept.kind != OpKind::kMerge && !tombstones()) {
      // A cluster of protocol 1 has no tombstones to take.
      if (merge_.empty() && mergeInFlight_ == 0) reportMerge();
      continue;
    }
    ++mergeInFlight_;
    Call call;
    call.partition = kept.partition;
    call.kind = kept.kind;
    call.map = kept.map;
    call.cursor = kept.cursor;
    call.request.key = kept.key;
    call.request.value = kept.value;
    call.meta = kept.meta;
    call.internal = [this, kept = std::move(kept)](Result<OpResult> r) mutable {
      mergeAnswered(std::move(kept), r);
    };
    submit(std::move(call));
  }
}

void Impl::mergeAnswered(Kept kept, const Result<OpResult>& result) {
  --mergeInFlight_;
  if (!result && result.error().retryable) {
    merge_.push_back(std::move(kept));
    return;
  }
  if (kept.offered == kOfferOfBackup) {
    // Its owner reports it. What had to be taken from here is told apart.
    if (result && result->count == static_cast<std::uint64_t>(Verdict::kAdded)) ++rescued_;
    if (merge_.empty() && mergeInFlight_ == 0) reportMerge();
    return;
  }
  services::MergeStats& stats = merged_[kept.map];
  if (!result) {
    ++stats.failed;
    if (stats.failed == 1)
      host_.log(1, "map '" + kept.map + "': an entry was refused by the other cluster: " +
                       result.error().toString());
  } else if (kept.kind == OpKind::kMergeRemoval) {
    stats.removals += result->reply.applied ? 1 : 0;
  } else {
    switch (static_cast<Verdict>(result->count)) {
      case Verdict::kUnknown: ++(result->reply.applied ? stats.added : stats.droppedOlder); break;
      case Verdict::kAdded: ++stats.added; break;
      case Verdict::kReplaced: ++stats.replaced; break;
      case Verdict::kSame: ++stats.same; break;
      case Verdict::kRemoved: ++stats.droppedRemoved; break;
      case Verdict::kExpired: ++stats.droppedExpired; break;
      case Verdict::kPolicy: ++stats.droppedPolicy; break;
      default: ++stats.droppedOlder; break;
    }
  }
  if (merge_.empty() && mergeInFlight_ == 0) reportMerge();
}

void Impl::reportMerge() {
  for (const auto& [name, s] : merged_) {
    const auto n = [](std::uint64_t v) { return std::to_string(v); };
    host_.log(0, "merged map '" + name + "' into the other cluster: " + n(s.kept()) +
                     " entries kept, " + n(s.dropped()) + " dropped; kept: " + n(s.added) +
                     " new, " + n(s.replaced) + " newer, " + n(s.same) +
                     " there already; dropped: " + n(s.droppedOlder) + " older, " +
                     n(s.droppedRemoved) + " removed there, " + n(s.droppedExpired) +
                     " expired, " + n(s.droppedPolicy) + " by policy " +
                     nameOf(configs_->of(name).mergePolicy) + ", " + n(s.failed) +
                     " refused; entries there that were removed here: " + n(s.removals));
    mergedTotal_[name] += s;
    ++figures_.mergeReports;
  }
  merged_.clear();
  if (rescued_ > 0 && keptStores_.empty())
    host_.log(0, "merged from backups that this member held: " +
                     std::to_string(std::exchange(rescued_, 0)) +
                     " entries that the other cluster had not been given by their owners");
}

}  // namespace ox::grid
