// The owner's followers: backups and migration targets. Every write carries the whole array of
// numbers; a follower that cannot continue the sequence gets a full copy.
#include <algorithm>

#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using Sync = Follower::Sync;

ReplicationHead Impl::head(const Partition& p, const Follower& f) const {
  ReplicationHead h;
  h.view = view_->id;
  h.term = p.data.term;
  h.round = f.round;
  h.level = f.level;
  h.versions = p.data.versions;
  return h;
}

std::uint64_t Impl::replicate(Partition& p, MapInfo& m, const Change& change) {
  BackupMessage b;
  if (change.remote != nullptr) {
    b.hasOp = true;
    b.id = *change.remote;
    b.applied = change.result->reply.applied || !tombstones();
    b.returnsFormer = change.result->reply.value.has_value();
    b.count = change.result->count;
    b.ownAnswer = change.ownAnswer;
    if (change.ownAnswer && change.result->reply.value) b.result = *change.result->reply.value;
  }
  b.effect = change.effect;
  b.map = m.name;
  b.key = change.key;
  b.stamped = tombstones() &&
              (change.effect == Effect::kRemoved || change.effect == Effect::kCleared);
  b.stamp = change.stamp;
  b.why = change.why;
  if (change.record != nullptr) {
    b.meta = *change.record;
    b.value = change.record->value();
  }
  const std::uint64_t seq = replicate(p, m, b);
  if (change.remote != nullptr) {
    RecentOperations::Entry recent;
    recent.id = *change.remote;
    recent.at = steady();
    recent.seq = seq;
    recent.count = change.result->count;
    recent.applied = change.result->reply.applied;
    recent.value = change.result->reply.value;
    p.data.recent.add(std::move(recent), 2 * settings_.callTimeoutMillis);
  }
  tellListeners(p, m, change);
  return seq;
}

std::uint64_t Impl::replicate(Partition& p, MapInfo& m, BackupMessage& b) {
  for (int level = 0; level <= m.copies; ++level) ++p.data.versions[level];
  if (p.backups < m.sync) ++figures_.fewerCopies;
  reportMemory(false);
  Bytes encoded;
  for (Follower& f : p.followers) {
    if (f.level > m.copies || !f.streaming()) continue;
    if (encoded.empty()) {
      b.head = head(p, f);
      encoded = b.encode(static_cast<std::uint16_t>(p.number));
    } else {
      patchFollower(encoded, f.round, f.level);
    }
    // The last follower gets the bytes themselves, the others a copy.
    const bool last = &f == &p.followers.back();
    if (f.sync == Sync::kCopying && !f.outbox.empty()) {
      f.outboxBytes += encoded.size();
      f.outbox.push_back(encoded);
      if (f.outboxBytes > f.outboxLimit) wantCopy(p, f, settings_.retryMillis);
    } else {
      host_.send(f.id, last ? std::move(encoded) : encoded);
    }
    if (last) break;
  }
  return p.data.versions[0];
}

void Impl::refreshFollowers(Partition& p, const ClusterView& view) {
  std::vector<Follower> next;
  const auto want = [&](const MemberId& id) -> Follower& {
    for (auto& f : next)
      if (f.id == id) return f;
    Follower* known = p.follower(id);
    if (known != nullptr) {
      next.push_back(std::move(*known));
    } else {
      next.emplace_back();
      next.back().id = id;
      next.back().level = kMaxReplicas;  // holds nothing that we know of
    }
    Follower& f = next.back();
    f.index = -1;
    f.target = f.becomesOwner = false;
    f.targetIndex = 0;
    f.reportedAt = 0;
    return f;
  };
  const Replicas& replicas = view.partitions[static_cast<std::size_t>(p.number)];
  next.reserve(replicas.count + 8u);
  for (int i = 1; i < replicas.count; ++i)
    want(replicas.at[static_cast<std::size_t>(i)]).index = i;
  for (const Migration& m : view.migrations) {
    if (m.partition != p.number || m.target == settings_.self) continue;
    const bool seen = std::any_of(next.begin(), next.end(),
                                  [&](const Follower& f) { return f.id == m.target; });
    Follower* f = nullptr;
    if (seen) {
      for (auto& n : next)
        if (n.id == m.target) f = &n;
    } else {
      f = &want(m.target);
    }
    f->target = true;
    f->becomesOwner = m.becomesOwner;
    f->targetIndex = std::min<int>(m.replicaIndex, kMaxReplicas - 1);
  }
  p.followers = std::move(next);
  p.backups = replicas.count - 1;
  for (Follower& f : p.followers) {
    int level = f.index >= 1 ? f.index : kMaxReplicas - 1;
    if (f.target) level = std::min(level, f.becomesOwner ? 0 : f.targetIndex);
    const bool fresh = f.level == kMaxReplicas;
    const bool more = level < f.level;
    f.level = static_cast<std::uint8_t>(level);
    if (!more) continue;
    // A target that nobody holds a copy on needs one anyway; the others may be in sync already.
    if (fresh && f.index < 0 && up(f.id)) wantCopy(p, f, 0);
    else startCompare(p, f);
    f.comparedAt = steady() - static_cast<std::int64_t>(random_.below(
                                  static_cast<std::uint64_t>(settings_.compareMillis) + 1));
  }
  for (Follower& f : p.followers)
    if (f.sync == Sync::kWaiting && f.notBefore <= steady()) startCopy(p, f);
}

void Impl::startCompare(Partition& p, Follower& f) {
  f.endCopy();
  f.round = ++p.rounds;
  f.acked = 0;
  // While it was in sync nothing was missed: a change of its level is no gap.
  if (f.sync != Sync::kSynced && f.sync != Sync::kComparing) f.untold = true;
  f.progressAt = steady();
  if (!up(f.id)) {
    f.sync = Sync::kDown;
    return;
  }
  f.sync = Sync::kComparing;
  sendCompare(p, f);
}

// Of the records that a follower of this level holds.
std::uint64_t Impl::digest(const Replica& replica, int level) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < replica.stores.size(); ++i) {
    const auto& records = replica.stores[i];
    if (!records || records->empty() || maps_[i]->copies < level) continue;
    sum += foldBits(digestOf(maps_[i]->name) ^ records->digest());
  }
  return sum;
}

void Impl::sendCompare(Partition& p, Follower& f) {
  f.comparedAt = steady();
  CompareMessage c;
  c.head = head(p, f);
  c.baseTerm = p.baseTerm;
  c.baseValidFrom = p.baseValidFrom;
  c.baseVersions = p.baseVersions;
  c.hasDigest = tombstones();
  if (c.hasDigest) c.digest = digest(p.data, f.level);
  host_.send(f.id, c.encode(static_cast<std::uint16_t>(p.number)));
}

void Impl::wantCopy(Partition& p, Follower& f, std::int64_t pause) {
  f.endCopy();
  f.round = ++p.rounds;  // answers to what was sent so far do not count any more
  f.acked = 0;
  f.sync = Sync::kWaiting;
  f.progressAt = steady();
  f.notBefore = f.progressAt + pause;
}

std::size_t Impl::copiesRunning() const {
  std::size_t n = 0;
  for (const auto& p : partitions_) {
    if (!p || !p->owner) continue;
    for (const auto& f : p->followers) n += f.sync == Sync::kCopying ? 1 : 0;
  }
  return n;
}

// The whole snapshot is encoded at once: what is written later follows behind its chunks.
void Impl::startCopy(Partition& p, Follower& f) {
  if (!up(f.id)) {
    f.sync = Sync::kDown;
    return;
  }
  if (!pace_.mayStart(copiesRunning())) return;
  f.endCopy();
  f.round = ++p.rounds;
  f.sync = Sync::kCopying;
  f.untold = false;  // the copy says it, and what is read meanwhile follows
  f.progressAt = steady();

  CopyChunkMessage message;
  message.head = head(p, f);
  message.validFrom = 0;
  for (const MapInfo* m : maps_) {
    const RecordStore* records = findStore(p.data, m->index);
    if (records != nullptr && !records->nothing() && m->copies < f.level)
      message.validFrom =
          std::max(message.validFrom, static_cast<std::uint8_t>(m->copies + 1));
  }
  message.validFrom = std::max(message.validFrom, containersValidFrom(p.data, f.level));
  ByteWriter out;
  std::size_t lastAt = 0;
  const auto open = [&] {
    message.begin(out, static_cast<std::uint16_t>(p.number));
    lastAt = out.size() - 1;
  };
  const auto close = [&](bool last) {
    Bytes frame = out.take();
    frame[lastAt] = last ? 1 : 0;
    f.outboxBytes += frame.size();
    f.outbox.push_back(std::move(frame));
    ++f.chunksUnsent;
    ++message.index;
    out = ByteWriter();
    // What goes on fills about as much again: no growing and copying on the way.
    if (!last) out.reserve(settings_.copyChunkBytes + settings_.copyChunkBytes / 16);
  };
  open();
  if (tombstones())
    for (const auto& [member, counter] : p.data.recent.forgotten())
      writeForgottenItem(out, {member, counter});
  for (const auto& e : p.data.recent.entries()) {
    RecentItem item;
    item.id = e.id;
    item.hasValue = e.value.has_value();
    if (e.value) item.value = *e.value;
    item.count = e.count;
    item.seq = e.seq;
    item.applied = e.applied || !tombstones();
    writeRecentItem(out, item);
    if (out.size() >= settings_.copyChunkBytes) {
      close(false);
      open();
    }
  }
  for (const MapInfo* m : maps_) {
    const RecordStore* records = findStore(p.data, m->index);
    if (records == nullptr || records->nothing() || m->copies < f.level) continue;
    writeMapItem(out, m->name);
    const auto room = [&] {
      if (out.size() < settings_.copyChunkBytes) return;
      close(false);
      open();
      writeMapItem(out, m->name);
    };
    for (std::size_t i = 0; i < records->size(); ++i) {
      room();
      writeRecordItem(out, *records->at(i), records->idleFloor());
    }
    if (records->tombstones() == nullptr || !tombstones()) continue;
    records->tombstones()->each([&](const Tombstone& t) {
      room();
      writeTombstoneItem(out, {t.key(), t.why, t.stamp, steady() - t.at});
    });
  }
  copyContainers(p.data, f.level, [&](BytesView name, BytesView piece) {
    if (out.size() >= settings_.copyChunkBytes) {
      close(false);
      open();
    }
    writeContainerItem(out, name, piece);
  });
  close(true);
  pace_.snapshot(f.outboxBytes);
  f.outboxLimit = f.outboxBytes + kMaxWritesBehindCopy;
  pumpCopy(f);
}

void Impl::pumpCopy(Follower& f) {
  while (!f.outbox.empty()) {
    if (f.chunksUnsent > 0) {
      if (f.chunksInFlight >= kCopyWindow || !pace_.send(f.outbox.front().size())) return;
      --f.chunksUnsent;
      ++f.chunksInFlight;
    }
    f.outboxBytes -= f.outbox.front().size();
    host_.send(f.id, std::move(f.outbox.front()));
    f.outbox.pop_front();
  }
}

void Impl::onAck(Kind kind, const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = AckMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  // Answers to a former ownership or a former round say nothing about this one.
  if (!p.owner || message->term != p.data.term) return;
  Follower* f = p.follower(from);
  if (f == nullptr || message->round != f->round) return;
  if (message->seq > p.data.versions[0]) return bad(from, "acknowledges writes that were not made");
  f->progressAt = steady();
  switch (message->status) {
    case AckStatus::kStale:
      // It knows a newer view: ours is on its way, or the next comparison tells.
      f->endCopy();
      f->round = ++p.rounds;
      f->sync = Sync::kDown;
      f->acked = 0;
      break;
    case AckStatus::kDamaged:
      if (kind != Kind::kCompareReply || f->sync == Sync::kWaiting || f->sync == Sync::kDown) return;
      if (f->repaired) {
        // A copy did not help: the members' map settings differ, say. The numbers fit.
        f->sync = Sync::kSynced;
        f->acked = std::max(f->acked, message->seq);
        break;
      }
      f->repaired = true;
      ++figures_.repairs;
      if ((figures_.repairs & (figures_.repairs - 1)) == 0)
        host_.log(1, "partition " + std::to_string(p.number) + ": the copy of member " +
                         from.toString() + " differs although its numbers fit; it is copied anew "
                         "(repair number " + std::to_string(figures_.repairs) + ")");
      wantCopy(p, *f, 0);
      startCopy(p, *f);
      break;
    case AckStatus::kMismatch:
      if (f->sync == Sync::kWaiting || f->sync == Sync::kDown) return;
      wantCopy(p, *f, f->sync == Sync::kCopying ? settings_.retryMillis : 0);
      startCopy(p, *f);
      break;
    case AckStatus::kOk:
      if (kind == Kind::kCopyAck) {
        if (f->sync != Sync::kCopying) return;
        if (f->chunksInFlight > 0) --f->chunksInFlight;
        if (message->last) {
          f->sync = Sync::kSynced;
          f->comparedAt = f->progressAt;
          f->acked = std::max(f->acked, message->seq);
        }
        pumpCopy(*f);
      } else if (kind == Kind::kCompareReply) {
        if (f->sync != Sync::kComparing && f->sync != Sync::kSynced) return;
        f->sync = Sync::kSynced;
        f->repaired = false;
        f->acked = std::max(f->acked, message->seq);
      } else if (f->sync == Sync::kSynced) {
        f->acked = std::max(f->acked, message->seq);
      }
      break;
  }
  settle(p);
}

}  // namespace ox::grid
