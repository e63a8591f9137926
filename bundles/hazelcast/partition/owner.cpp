// The owner's side: executing operations, waiting for backups, freezing for a hand-over, expiry.
#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using services::MapOp;

void Impl::countOperation(MapInfo& m, OpKind kind, bool hit) {
  if (!isMapOp(kind)) return;
  switch (static_cast<MapOp>(kind)) {
    case MapOp::kGet:
    case MapOp::kContainsKey:
      ++m.gets;
      if (hit) ++m.hits;
      m.lastAccess = wall();
      return;
    case MapOp::kTouch:
      return;
    case MapOp::kRemove:
    case MapOp::kRemoveIfSame:
      ++m.removes;
      break;
    default:
      ++m.puts;
  }
  if (hit) m.lastUpdate = wall();
}

Impl::Executed Impl::run(Partition& p, MapInfo& m, OpKind kind, const OperationInput& in,
                         std::uint32_t cursor, const RecordMeta* meta, const OpId* remote) {
  Executed out;
  out.error = tooFewMembers(m, kind);
  if (out.error) return out;
  watchFormer(p, m);
  if (!mayWrite(p, m, kind, in.key, remote, cursor, out)) return out;
  if (kind == OpKind::kQuery) {
    runQuery(p, m, in.value, cursor, out);
    return out;
  }
  if (kind == OpKind::kProcess) {
    runProcess(p, m, in, remote, out);
    return out;
  }
  if (kind == OpKind::kMerge) {
    runMerge(p, m, in, *meta, cursor, remote, out);
    return out;
  }
  if (kind == OpKind::kMergeRemoval) {
    runMergeRemoval(p, m, in, cursor, meta->version, remote, out);
    return out;
  }
  if (!isMapOp(kind)) {
    runBulk(p, m, kind, cursor, remote, out);
    return out;
  }
  RecordStore* existing = findStore(p.data, m.index);
  if (existing == nullptr && !isWrite(in.op)) {
    countOperation(m, kind, false);
    return out;
  }
  RecordStore& records = existing != nullptr ? *existing : store(p.data, m.index);
  const std::int64_t now = wall();
  Record* record = records.find(in.key);
  if (record != nullptr && record->canExpire() && records.expired(*record, now)) {
    expire(p, m, records, record);
    record = nullptr;
  }
  out.error = noRoom(m, in, record);
  if (out.error) return out;
  Outcome outcome = applyOperation(in, records, record, m.config, now, hybrid_);
  out.result.reply = std::move(outcome.reply);
  countOperation(m, kind, out.result.reply.applied);
  Change change;
  change.effect = outcome.effect;
  change.key = in.key;
  change.record = outcome.record;
  change.stamp = outcome.removed;
  change.remote = remote;
  change.result = &out.result;
  if (change.effect == Effect::kNone) return out;
  if (change.effect == Effect::kRemoved && tombstones())
    records.bury(tombstoneLog_, in.key, Burial::kRemoved, change.stamp, steady());
  out.waitFor = replicate(p, m, change);
  if (outcome.record != nullptr) evict(p, m, records, outcome.record);
  return out;
}

// Leaves the version of the record, so that an equally old copy that is used elsewhere wins.
void Impl::drop(Partition& p, MapInfo& m, RecordStore& records, Record* record,
                Change::Cause cause) {
  const Bytes key(record->key());
  Change change;
  change.effect = Effect::kRemoved;
  change.key = key;
  change.why = Burial::kExpired;
  change.stamp = record->version;
  change.cause = cause;
  if (tombstones()) records.bury(tombstoneLog_, key, change.why, change.stamp, steady());
  else records.erase(record);
  replicate(p, m, change);
}

void Impl::expire(Partition& p, MapInfo& m, RecordStore& records, Record* record) {
  watchFormer(p, m);
  ++m.expirations;
  drop(p, m, records, record, Change::Cause::kOperation);
}

void Impl::runLocal(Partition& p, const std::string& name, OpKind kind,
                    services::MapRequest& request, std::uint32_t cursor, const RecordMeta* meta,
                    MapDone done, InternalDone internal) {
  MapInfo* m = map(name);
  if (m == nullptr) {
    Error error(Code::kBusy, "more than " + std::to_string(kMaxMaps) + " maps");
    if (done) done(std::move(error));
    else internal(std::move(error));
    return;
  }
  if (isContainerOp(kind)) return containerLocal(p, *m, kind, request, std::move(internal));
  const OperationInput in{static_cast<MapOp>(kind), request.key, request.value, request.expected,
                          request.ttlMillis, request.maxIdleMillis};
  Executed e;
  if (behindParked(p, *m, kind, in.key, settings_.self, cursor)) e.locked = true;
  else e = run(p, *m, kind, in, cursor, meta, nullptr);
  if (e.locked) {
    ContainerCall call;
    call.kind = kind;
    call.internal = done ? [done = std::move(done)](Result<OpResult> r) {
      if (r) done(std::move(r->reply));
      else done(r.error());
    } : std::move(internal);
    return parkWrite(p, *m, std::move(call), {m->index, std::move(request), cursor});
  }
  if (e.error) {
    if (done) done(std::move(*e.error));
    else internal(std::move(*e.error));
    return;
  }
  if (e.waitFor == 0) e.waitFor = unconfirmed(p, *m, kind, request.key);
  if (e.waitFor == 0 || watermark(p, m->sync) >= e.waitFor) {
    if (done) done(std::move(e.result.reply));
    else internal(std::move(e.result));
    return;
  }
  PendingWrite w;
  w.seq = e.waitFor;
  w.key = mark(*m, request.key);
  w.deadline = steady() + settings_.callTimeoutMillis;
  w.done = std::move(done);
  w.internal = std::move(internal);
  w.result = std::move(e.result);
  p.pending[m->sync].push_back(std::move(w));
  ++pendingWrites_;
}

// --- operations of other members' callers

void Impl::onOperation(const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = OperationMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  if (message->id.member != from) return bad(from, "operation in the name of another member");
  if (isContainerOp(message->kind) != isContainerName(message->map))
    return bad(from, "operation of the wrong kind for '" + std::string(message->map.substr(0, 80)) +
                         "'");
  const auto refused = p.refused.find(from);
  if (!p.owner || (refused != p.refused.end() && message->stream <= refused->second))
    return refuse(from, p, *message);
  if (p.frozen || fenced_) {
    if (p.frozenQueue.size() >= kMaxFrozenQueue) return refuse(from, p, *message);
    p.frozenQueue.emplace_back(from, Bytes(frame));
    return;
  }
  serve(from, p, *message);
}

// Everything of the same attempt that follows is refused too, so that what is sent again later
// does not overtake it.
void Impl::refuse(const MemberId& to, Partition& p, const OperationMessage& message) {
  auto& last = p.refused[to];
  last = std::max(last, message.stream);
  reply(to, p.number, message.id.counter, message.stream, Error(Code::kGridWrongTarget));
}

void Impl::serve(const MemberId& from, Partition& p, const OperationMessage& message) {
  MapInfo* m = map(message.map);
  if (m == nullptr)
    return reply(from, p.number, message.id.counter, message.stream,
                 Error(Code::kBusy, "more than " + std::to_string(kMaxMaps) + " maps"));
  Executed e;
  if (const auto* known = p.data.recent.find(message.id)) {
    e.result.reply.applied = known->applied;
    e.result.reply.value = known->value;
    e.result.count = known->count;
    e.waitFor = std::min(known->seq, p.data.versions[0]);
  } else if (parkedAlready(p, from, message)) {
    return;
  } else if (isContainerOp(message.kind)) {
    return containerRemote(from, p, *m, message);
  } else if (isWrite(message.kind) && p.data.recent.forgotten(message.id)) {
    ++figures_.indeterminateRetries;
    return reply(from, p.number, message.id.counter, message.stream,
                 Error(Code::kGridIndeterminate));
  } else {
    const OperationInput in{static_cast<MapOp>(message.kind), message.key, message.value,
                            message.expected, message.ttlMillis, message.maxIdleMillis};
    if (behindParked(p, *m, message.kind, in.key, from, message.cursor)) e.locked = true;
    else e = run(p, *m, message.kind, in, message.cursor, &message.meta, &message.id);
  }
  if (e.locked) {
    ContainerCall call;
    call.kind = message.kind;
    call.caller = from;
    call.counter = message.id.counter;
    call.stream = message.stream;
    services::MapRequest request{static_cast<MapOp>(message.kind), Bytes(message.key),
                                 Bytes(message.value), Bytes(message.expected),
                                 message.ttlMillis, message.maxIdleMillis};
    return parkWrite(p, *m, std::move(call), {m->index, std::move(request), message.cursor});
  }
  if (e.error) return reply(from, p.number, message.id.counter, message.stream, *e.error);
  if (e.waitFor == 0) e.waitFor = unconfirmed(p, *m, message.kind, message.key);
  if (e.waitFor == 0 || watermark(p, m->sync) >= e.waitFor)
    return reply(from, p.number, message.id.counter, message.stream, std::move(e.result));
  if (pendingWrites_ >= settings_.maxPendingOperations) {
    // Applied, but not to be reported: the caller asks again or times out.
    return;
  }
  PendingWrite w;
  w.seq = e.waitFor;
  w.key = mark(*m, message.key);
  w.deadline = steady() + settings_.callTimeoutMillis;
  w.caller = from;
  w.counter = message.id.counter;
  w.stream = message.stream;
  w.result = std::move(e.result);
  p.pending[m->sync].push_back(std::move(w));
  ++pendingWrites_;
}

void Impl::reply(const MemberId& to, int slot, std::uint64_t counter, std::uint32_t stream,
                 const Result<OpResult>& result) {
  ReplyMessage r;
  r.counter = counter;
  r.stream = stream;
  if (!result) {
    r.status = result.error().code == Code::kGridWrongTarget ? ReplyStatus::kWrongTarget
                                                             : ReplyStatus::kError;
    r.code = result.error().name();
    r.text = result.error().message;
  } else {
    r.applied = result->reply.applied;
    r.hasValue = result->reply.value.has_value();
    if (r.hasValue) r.value = *result->reply.value;
    r.count = result->count;
    r.cursor = result->cursor;
    for (const auto& e : result->entries) r.entries.push_back({e.key, e.value});
  }
  post(to, r.encode(static_cast<std::uint16_t>(slot)));
}

// --- waiting for backups

std::uint64_t Impl::mark(const MapInfo& m, BytesView key) {
  return absl::HashOf(m.index, key);
}

// What a reader was told must not be taken back by a crash of this member: it waits for the write that
// it has seen, as the writer does. The same holds for a conditional write that found another value.
// Answers the number to wait for; 0 = the backups have all that was read.
std::uint64_t Impl::unconfirmed(const Partition& p, const MapInfo& m, OpKind kind,
                                BytesView key) const {
  const auto& queue = p.pending[m.sync];
  if (pendingWrites_ >= settings_.maxPendingOperations) return p.data.versions[0];
  if (queue.empty()) return 0;
  const bool oneKey = isMapOp(kind) || kind == OpKind::kProcess;
  if (!oneKey || queue.size() > kPendingLookedAt) return queue.back().seq;
  const std::uint64_t wanted = mark(m, key);
  for (auto it = queue.rbegin(); it != queue.rend(); ++it)
    if (it->key == wanted) return it->seq;
  return 0;
}

// Number up to which everything is held by all that a map with `sync` backups must wait for.
std::uint64_t Impl::watermark(const Partition& p, int sync) const {
  std::uint64_t least = UINT64_MAX;
  for (const Follower& f : p.followers) {
    const bool replica = f.index >= 1 && f.index <= sync;
    const bool arrived = f.target && f.sync == Follower::Sync::kSynced &&
                         (f.becomesOwner || f.targetIndex <= sync);
    if (replica || arrived) least = std::min(least, f.acked);
  }
  return least;
}

void Impl::answer(Partition& p, PendingWrite write, Result<OpResult> result) {
  --pendingWrites_;
  if (write.caller.valid()) {
    reply(write.caller, p.number, write.counter, write.stream, result);
  } else if (write.done) {
    if (result) write.done(std::move(result->reply));
    else write.done(result.error());
  } else if (write.internal) {
    write.internal(std::move(result));
  }
}

void Impl::settle(Partition& p) {
  if (fenced_) return;  // what is true now is not known
  tellUntold(p, false);
  for (int sync = 0; sync < kMaxReplicas; ++sync) {
    auto& queue = p.pending[sync];
    while (!queue.empty() && queue.front().seq <= watermark(p, sync)) {
      PendingWrite w = std::move(queue.front());
      queue.pop_front();
      OpResult result = std::move(w.result);
      answer(p, std::move(w), std::move(result));
    }
  }
  if (p.owner) checkMigrations(p);
}

// Freezes when the next owner is in sync, and reports what has arrived.
void Impl::checkMigrations(Partition& p) {
  const std::int64_t now = steady();
  for (Follower& f : p.followers) {
    if (!f.target) continue;
    const bool synced = f.sync == Follower::Sync::kSynced;
    if (f.becomesOwner) {
      if (!synced) {
        // Not reported yet, so nobody counts on the freeze: go on serving.
        if (p.frozen && !p.reported) unfreeze(p);
        continue;
      }
      p.frozen = true;
      if (!p.drained() || f.acked < p.data.versions[0]) continue;
    } else if (!synced) {
      continue;
    }
    if (f.reportedAt != 0 && now - f.reportedAt < kRepeatDoneMillis) continue;
    Migration done;
    for (const Migration& m : view_->migrations)
      if (m.partition == p.number && m.target == f.id) done = m;
    if (!done.target.valid()) continue;
    if (f.becomesOwner) {
      tellTouches(p, true);
      p.reported = true;
    }
    f.reportedAt = std::max<std::int64_t>(now, 1);
    reports_.emplace_back(view_->id, done);
  }
}

void Impl::unfreeze(Partition& p) {
  p.frozen = p.reported = false;
  if (fenced_) return;
  runQueue(p);
  if (!p.calls.waiting.empty()) flush(p);
}

// --- time

void Impl::ownerTick(Partition& p, std::int64_t now) {
  for (Follower& f : p.followers) {
    switch (f.sync) {
      case Follower::Sync::kSynced:
        if (now - f.comparedAt >= settings_.compareMillis) sendCompare(p, f);
        break;
      case Follower::Sync::kWaiting:
        if (now >= f.notBefore) startCopy(p, f);
        break;
      case Follower::Sync::kDown:
        if (up(f.id) && now - f.progressAt >= settings_.compareMillis) startCompare(p, f);
        break;
      case Follower::Sync::kCopying:
        if (f.chunksUnsent > 0 && pace_.limited()) {
          pumpCopy(f);
          if (f.chunksInFlight == 0) f.progressAt = now;  // held back by us
        }
        [[fallthrough]];
      case Follower::Sync::kComparing:
        if (now - f.progressAt >= 2 * settings_.compareMillis) startCompare(p, f);
        break;
    }
  }
  for (auto& queue : p.pending) {
    while (!queue.empty() && queue.front().deadline <= now) {
      PendingWrite w = std::move(queue.front());
      queue.pop_front();
      answer(p, std::move(w), Error(Code::kGridIndeterminate));
    }
  }
  settle(p);
}

void Impl::sweep(std::int64_t now) {
  if (partitions_.empty() || maps_.empty() || use_[0].canExpire + use_[1].canExpire == 0) return;
  std::size_t looked = 0;
  const std::size_t stops = std::min(partitions_.size() * maps_.size(), kStoresPerTick);
  for (std::size_t stop = 0; stop < stops && looked < kSweepPerTick; ++stop) {
    Partition* p = partitions_[sweepPartition_].get();
    RecordStore* records =
        p != nullptr && p->owner && !p->frozen && sweepMap_ < maps_.size()
            ? findStore(p->data, sweepMap_)
            : nullptr;
    if (records != nullptr && records->canExpire() > 0) {
      while (records->sweepCursor < records->size() && looked < kSweepPerTick) {
        ++looked;
        Record* record = records->at(records->sweepCursor);
        if (record->canExpire() && records->expired(*record, now))
          expire(*p, *maps_[sweepMap_], *records, record);
        else
          ++records->sweepCursor;
      }
      if (records->sweepCursor < records->size()) return;
      records->sweepCursor = 0;
    }
    if (++sweepMap_ >= maps_.size()) {
      sweepMap_ = 0;
      if (++sweepPartition_ >= partitions_.size()) sweepPartition_ = 0;
    }
  }
}

}  // namespace ox::grid
