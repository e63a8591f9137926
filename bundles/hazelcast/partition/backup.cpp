// The receiving side of replication: applying an owner's writes, comparing, taking copies.
#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;

// Frames of a sender whose view we have not installed yet wait for it (in order: everything
// that follows from it about the partition is early too).
bool Impl::early(const MemberId& from, const ViewId& view, BytesView frame) {
  if (view_ && view <= view_->id) return false;
  if (early_.size() >= kMaxEarlyFrames || earlyBytes_ + frame.size() > kMaxEarlyBytes) {
    ++badMessages_;  // lost; the owner's comparison repairs it
    return true;
  }
  earlyBytes_ += frame.size();
  early_.emplace_back(from, Bytes(frame));
  return true;
}

// Is the sender, in our view, the owner of a partition that we are to hold?
AckStatus Impl::admit(const MemberId& from, const Partition& p, const ReplicationHead& h) const {
  const Replicas& replicas = view_->partitions[static_cast<std::size_t>(p.number)];
  if (replicas.count == 0 || replicas.at[0] != from || from == settings_.self)
    return AckStatus::kStale;
  bool listed = replicas.indexOf(settings_.self) > 0;
  for (const Migration& m : view_->migrations)
    listed = listed || (m.partition == p.number && m.target == settings_.self);
  if (!listed) return AckStatus::kStale;
  // Terms of one member only rise; those of two owners are ordered by our view, checked above.
  if (p.data.termOwner == from && h.term < p.data.term) return AckStatus::kStale;
  return AckStatus::kOk;
}

void Impl::ack(const MemberId& to, Kind kind, int slot, const ReplicationHead& h,
               AckStatus status, std::uint32_t index, bool last) {
  AckMessage a;
  a.term = h.term;
  a.round = h.round;
  a.status = status;
  a.seq = h.versions[0];
  a.index = index;
  a.last = last;
  post(to, a.encode(kind, static_cast<std::uint16_t>(slot)));
}

// From now on written at `level`: maps with fewer copies are not kept up to date any more.
void Impl::raiseLevel(Replica& replica, std::uint8_t level) {
  for (std::size_t i = 0; i < replica.stores.size(); ++i) {
    auto& records = replica.stores[i];
    const int copies = maps_[i]->copies;
    if (!records || records->nothing() || copies >= level) continue;
    records->clear();
    replica.validFrom = std::max(replica.validFrom, static_cast<std::uint8_t>(copies + 1));
  }
  raiseContainers(replica, level);
}

void Impl::onBackup(const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = BackupMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  const ReplicationHead& h = message->head;
  if (early(from, h.view, frame)) return;
  AckStatus status = admit(from, p, h);
  Replica& r = p.data;
  const std::size_t level = h.level;
  MapInfo* m = map(message->map);
  if (status == AckStatus::kOk &&
      (m == nullptr || r.term != h.term || r.validFrom > level ||
       r.versions[level] + 1 != h.versions[level]))
    status = AckStatus::kMismatch;
  if (status != AckStatus::kOk) return ack(from, Kind::kBackupAck, p.number, h, status);

  raiseLevel(r, h.level);
  RecordStore& records = store(r, m->index);
  Record* record = records.find(message->key);
  if (message->hasOp) {
    RecentOperations::Entry recent;
    recent.id = message->id;
    recent.at = steady();
    recent.seq = h.versions[0];
    recent.count = message->count;
    recent.applied = message->applied;
    if (message->returnsFormer && record != nullptr) recent.value = Bytes(record->value());
    if (message->effect == Effect::kContainer || message->ownAnswer) recent.value = Bytes(message->result);
    r.recent.add(std::move(recent), 2 * settings_.callTimeoutMillis);
  }
  switch (message->effect) {
    case Effect::kStored:
      hybrid_.merge(message->meta.version);
      records.put(message->key, message->value, message->meta);
      break;
    case Effect::kRemoved:
    case Effect::kCleared:
      if (message->stamped) {
        hybrid_.merge(message->stamp);
        records.bury(tombstoneLog_, message->key, message->why, message->stamp, steady());
      } else if (message->effect == Effect::kCleared) {
        records.clear();
      } else if (record != nullptr) {
        records.erase(record);
      }
      break;
    case Effect::kContainer:
      if (!replayContainer(r, *m, message->value))
        return ack(from, Kind::kBackupAck, p.number, h, AckStatus::kMismatch);
      break;
    case Effect::kNone:
      break;
  }
  // Lower levels stay complete only as long as each of their writes came along here.
  for (std::size_t low = level; low-- > r.validFrom;) {
    if (r.versions[low] + 1 == h.versions[low]) continue;
    r.validFrom = static_cast<std::uint8_t>(low + 1);
    break;
  }
  for (std::size_t i = r.validFrom; i < h.versions.size(); ++i) r.versions[i] = h.versions[i];
  r.seqSeen = std::max(r.seqSeen, h.versions[0]);
  reportMemory(false);
  ack(from, Kind::kBackupAck, p.number, h, AckStatus::kOk);
}

void Impl::onCompare(const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = CompareMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  const ReplicationHead& h = message->head;
  if (early(from, h.view, frame)) return;
  AckStatus status = admit(from, p, h);
  if (status == AckStatus::kOk) {
    Replica& r = p.data;
    const std::size_t level = h.level;
    const bool sameTerm = r.term == h.term;
    const bool sameBase = r.term == message->baseTerm && message->baseValidFrom <= level &&
                          h.versions[level] == message->baseVersions[level];
    if (r.validFrom <= level && r.versions[level] == h.versions[level] && (sameTerm || sameBase)) {
      if (!sameTerm) {
        // Numbers below the level are of another term: no longer to be trusted.
        std::size_t low = level;
        while (low > r.validFrom && low > message->baseValidFrom &&
               r.versions[low - 1] == message->baseVersions[low - 1])
          --low;
        r.validFrom = static_cast<std::uint8_t>(low);
        r.term = h.term;
        r.termOwner = from;
      }
      raiseLevel(r, h.level);
      for (std::size_t i = level; i < h.versions.size(); ++i) r.versions[i] = h.versions[i];
      r.seqSeen = std::max(r.seqSeen, h.versions[0]);
      if (message->hasDigest && message->digest != digest(r, h.level)) status = AckStatus::kDamaged;
    } else {
      status = AckStatus::kMismatch;
    }
  }
  ack(from, Kind::kCompareReply, p.number, h, status);
}

void Impl::onCopyChunk(const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = CopyChunkMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  const ReplicationHead& h = message->head;
  if (early(from, h.view, frame)) return;
  AckStatus status = admit(from, p, h);
  if (status == AckStatus::kOk) {
    if (message->index == 0) {
      p.staged = std::make_unique<Staged>();
      p.staged->from = from;
      p.staged->round = h.round;
    }
    Staged* s = p.staged.get();
    if (s == nullptr || s->from != from || s->round != h.round || s->nextIndex != message->index)
      status = AckStatus::kMismatch;
  }
  if (status == AckStatus::kOk) {
    Staged& s = *p.staged;
    ++s.nextIndex;
    for (const CopyItem& item : message->items) {
      switch (item.kind) {
        case CopyItemKind::kMap: {
          MapInfo* m = map(item.map);
          s.map = m != nullptr ? m->index : SIZE_MAX;
          break;
        }
        case CopyItemKind::kRecord:
          if (s.map == SIZE_MAX) {
            ++badMessages_;  // more maps than we can hold
            break;
          }
          hybrid_.merge(item.meta.version);
          store(s.replica, s.map).put(item.key, item.value, item.meta);
          break;
        case CopyItemKind::kTombstone:
          if (s.map == SIZE_MAX) {
            ++badMessages_;
            break;
          }
          hybrid_.merge(item.tombstone.stamp);
          store(s.replica, s.map)
              .bury(tombstoneLog_, item.tombstone.key, item.tombstone.why, item.tombstone.stamp,
                    steady() - std::min(item.tombstone.age, settings_.tombstoneMillis));
          break;
        case CopyItemKind::kForgotten:
          s.replica.recent.forgetUpTo(item.forgotten);
          break;
        case CopyItemKind::kRecent:
        case CopyItemKind::kRecentUnapplied: {
          RecentOperations::Entry e;
          e.id = item.recent.id;
          e.at = steady();
          e.seq = item.recent.seq;
          e.count = item.recent.count;
          e.applied = item.recent.applied;
          if (item.recent.hasValue) e.value = Bytes(item.recent.value);
          s.replica.recent.add(std::move(e), 2 * settings_.callTimeoutMillis);
          break;
        }
        case CopyItemKind::kContainer:
          if (!restoreContainer(s.replica, item.map, item.value)) status = AckStatus::kMismatch;
          break;
      }
    }
    if (status != AckStatus::kOk) {
      p.staged.reset();
    } else if (message->last) {
      Replica fresh = std::move(s.replica);
      p.staged.reset();
      fresh.term = h.term;
      fresh.termOwner = from;
      fresh.versions = h.versions;
      fresh.validFrom = message->validFrom;
      fresh.seqSeen = h.versions[0];
      p.data = std::move(fresh);
    }
  }
  reportMemory(false);
  ack(from, Kind::kCopyAck, p.number, h, status, message->index, message->last);
}

}  // namespace ox::grid
