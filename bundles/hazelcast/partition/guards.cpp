// What may refuse or hold an operation before it is executed: the fence after a pause, the memory
// limit, the minimum size of the cluster. And reads from a local backup.
#include <algorithm>

#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using services::MapOp;

// --- the fence
//
// A process that stood still (SIGSTOP, a suspended machine) may have been replaced as owner
// meanwhile. Every entry into the core looks at the clocks first; after too long a pause owned
// partitions answer nothing until the host has confirmed the view: operations wait in their queues.

void Impl::enter() {
  if (settings_.fenceMillis <= 0) return;
  const std::int64_t now = steady();
  const std::int64_t time = wall();
  // The steady clock stops in a suspended machine, the wall clock does not.
  const std::int64_t pause = std::max(now - lastEntry_, time - lastEntryWall_);
  lastEntry_ = now;
  lastEntryWall_ = time;
  if (!view_) return;
  if (pause > settings_.fenceMillis) {
    if (!fenced_)
      host_.log(1, "this member stood still for " + std::to_string(pause) +
                       " ms: its partitions wait until the member list is confirmed");
    fenced_ = true;
    // What was asked before this pause says nothing of the time since.
    fence_ = ++figures_.fences * static_cast<std::uint64_t>(settings_.shardCount) +
             static_cast<std::uint64_t>(settings_.shardIndex);
  } else if (!fenced_ || now - fenceAskedAt_ < std::max<std::int64_t>(1000, settings_.fenceMillis)) {
    return;
  }
  fenceAskedAt_ = now;
  host_.paused(fence_);
}

void Impl::confirmed(const std::vector<std::uint64_t>& fences) {
  const Reporting reporting(*this);
  enter();  // may find another pause: then this word is of before it
  if (!fenced_ || std::find(fences.begin(), fences.end(), fence_) == fences.end()) return;
  fenced_ = false;
  for (auto& p : partitions_) {
    if (!p) continue;
    if (p->owner) settle(*p);
    if (p->owner && !p->frozen) runQueue(*p);
    if (!p->calls.waiting.empty()) flush(*p);
  }
}

void Impl::runQueue(Partition& p) {
  auto queue = std::move(p.frozenQueue);
  p.frozenQueue.clear();
  for (auto& [from, frame] : queue) onOperation(from, p, frame);
}

// --- limits

// Sessions are never evicted to make room: the write is refused. What needs no more room than
// before goes on, and so do removals, backups, migrations and merges.
std::optional<Error> Impl::noRoom(const MapInfo& m, const OperationInput& in,
                                  const Record* record) {
  if (!settings_.memory) return std::nullopt;
  const bool stores = in.op == MapOp::kSet || in.op == MapOp::kPut ||
                      (in.op == MapOp::kPutIfAbsent && record == nullptr) ||
                      (record != nullptr &&
                       (in.op == MapOp::kReplace || in.op == MapOp::kReplaceIfSame));
  if (!stores) return std::nullopt;
  std::size_t more = in.value.size();
  if (record == nullptr) more += in.key.size() + RecordStore::kOverhead;
  else if (more <= record->valueSize) return std::nullopt;
  else more -= record->valueSize;
  const MemoryPool pool = poolOf(m);
  std::int64_t unreported = use_[static_cast<std::size_t>(pool)].bytes -
                            reported_[static_cast<std::size_t>(pool)];
  if (pool == MemoryPool::kKept)
    unreported += static_cast<std::int64_t>(tombstoneLog_.bytes()) + containerUse_;
  if (!settings_.memory->full(pool, unreported + static_cast<std::int64_t>(more)))
    return std::nullopt;
  ++figures_.memoryRefused;
  return Error(Code::kGridMemory,
               "map '" + m.name.substr(0, 80) + "': the entries of this member take the " +
                   std::to_string(settings_.memory->limit(pool)) + " bytes they may");
}

void Impl::reportMemory(bool now) {
  if (!settings_.memory) return;
  if (now) containerUse_ = static_cast<std::int64_t>(containerBytes());
  for (const MemoryPool pool : {MemoryPool::kKept, MemoryPool::kDiscardable}) {
    const auto i = static_cast<std::size_t>(pool);
    std::int64_t bytes = use_[i].bytes;
    if (pool == MemoryPool::kKept)
      bytes += static_cast<std::int64_t>(tombstoneLog_.bytes()) + containerUse_;
    const std::int64_t change = bytes - reported_[i];
    if (change == 0 || (!now && std::abs(change) < settings_.memory->reportBytes(pool)))
      continue;
    settings_.memory->add(pool, change);
    reported_[i] = bytes;
  }
}

// Source: Hazelcast's split-brain protection: full members are counted, by the owner's view.
std::optional<Error> Impl::tooFewMembers(const MapInfo& m, OpKind kind) {
  if (m.config.minClusterSize <= 0 || fullMembers_ >= m.config.minClusterSize) return std::nullopt;
  if (kind == OpKind::kMerge || kind == OpKind::kMergeRemoval) return std::nullopt;
  if (!isWrite(kind) && !m.config.protectReads) return std::nullopt;
  ++figures_.protectionRefused;
  return Error(Code::kGridTooFewMembers,
               "map '" + m.name.substr(0, 80) + "' needs " +
                   std::to_string(m.config.minClusterSize) + " full members, the cluster has " +
                   std::to_string(fullMembers_));
}

// --- reads from a local backup (readBackupData)
//
// Only from a synchronous backup, so that every acknowledged write is seen; a value that is not
// acknowledged yet may be seen, as at the owner. Entries with an idle time are read at the owner,
// because there the access counts.
bool Impl::readHere(Partition& p, const std::string& name, OpKind kind,
                    const services::MapRequest& request, MapDone& done) {
  if (kind != OpKind(MapOp::kGet) && kind != OpKind(MapOp::kContainsKey)) return false;
  if (p.owner || fenced_ || !view_) return false;
  const auto it = byName_.find(BytesView(name));
  if (it == byName_.end() || !it->second->config.readBackupData) return false;
  MapInfo& m = *it->second;
  if (tooFewMembers(m, kind)) return false;
  const Replicas& replicas = view_->partitions[static_cast<std::size_t>(p.number)];
  const int index = replicas.indexOf(settings_.self);
  if (index < 1 || index > m.sync || p.data.validFrom > index ||
      p.data.termOwner != replicas.at[0] || !up(replicas.at[0]))
    return false;
  const RecordStore* records = findStore(p.data, m.index);
  const Record* record = records != nullptr ? records->find(request.key) : nullptr;
  if (record != nullptr && record->ttl != 0 && wall() >= record->expiry) record = nullptr;
  if (record != nullptr && record->maxIdle != 0) return false;  // the access counts: to the owner
  services::MapReply reply;
  reply.applied = record != nullptr;
  if (record != nullptr && kind == OpKind(MapOp::kGet)) reply.value = Bytes(record->value());
  countOperation(m, kind, reply.applied);
  done(std::move(reply));
  return true;
}

}  // namespace ox::grid
