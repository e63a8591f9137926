// Last accesses: the owner tells its followers every kTouchMillis which records with an idle time
// were read, and all of them before it hands a partition over.
//
// Never earlier than at the owner: whoever may not have heard of every read counts idle times from
// the moment it takes over, or from the moment it was heard of again (the idle floor of a store).
// A hand-over in order loses nothing: idle times go on where they are, moved from the former owner's
// clock to the new one's.
#include <algorithm>

#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using Sync = Follower::Sync;

void Impl::sendTouches(Partition& p, Follower& f, TouchMessage& message) {
  message.head = head(p, f);
  Bytes encoded = message.encode(static_cast<std::uint16_t>(p.number));
  if (f.sync == Sync::kCopying && !f.outbox.empty()) {
    f.outboxBytes += encoded.size();
    f.outbox.push_back(std::move(encoded));
  } else {
    host_.send(f.id, std::move(encoded));
  }
}

// Returns how many records it told of.
std::size_t Impl::tellTouches(Partition& p, bool complete) {
  std::size_t told = 0;
  const auto now = wall();
  const bool spoken = tombstones();
  for (MapInfo* m : maps_) {
    RecordStore* records = findStore(p.data, m->index);
    if (records == nullptr || records->canExpire() == 0) continue;
    TouchMessage message;
    message.map = m->name;
    const auto send = [&](bool all) {
      for (Follower& f : p.followers) {
        if (!spoken || f.level > m->copies || !f.streaming()) continue;
        if (message.items.empty() && !f.untold && !(all && records->idleFloor() != 0)) continue;
        message.idleFloor = f.untold ? now : records->idleFloor();
        sendTouches(p, f, message);
      }
      message.items.clear();
    };
    records->takeTouched([&](Record& record) {
      ++told;
      message.items.push_back({record.key(), record.lastAccess, record.hits});
      if (message.items.size() == TouchMessage::kMaxItems) send(false);
    });
    send(complete);
  }
  for (Follower& f : p.followers) {
    // While it compares it may still turn out that the floor came to the wrong term.
    if (!spoken || f.sync != Sync::kSynced) continue;
    f.untold = false;
    if (!complete || !f.becomesOwner) continue;
    TouchMessage message;
    message.complete = true;
    message.idleFloor = now;
    sendTouches(p, f, message);
  }
  return told;
}

void Impl::touchesTick(std::int64_t now) {
  if (touchPartition_ >= partitions_.size()) {
    if (now < touchAt_) return;
    touchAt_ = now + kTouchMillis;
    touchPartition_ = 0;
  }
  for (std::size_t told = 0; told < kTouchesPerTick && touchPartition_ < partitions_.size();) {
    Partition* p = partitions_[touchPartition_++].get();
    if (p != nullptr && p->owner) told += tellTouches(*p, false);
  }
}

void Impl::onTouch(const MemberId& from, Partition& p, BytesView frame) {
  ByteReader in(frame.substr(kDataHeadBytes));
  auto message = TouchMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  const ReplicationHead& h = message->head;
  if (early(from, h.view, frame)) return;
  // What does not fit is repaired by a copy, which says all of it.
  if (admit(from, p, h) != AckStatus::kOk || p.data.term != h.term) return;
  if (message->complete) {
    p.toldUnder = h.view;
    p.clockAhead = message->idleFloor > 0 ? wall() - message->idleFloor : 0;
  }
  const auto known = byName_.find(message->map);
  RecordStore* records =
      known != byName_.end() ? findStore(p.data, known->second->index) : nullptr;
  if (records == nullptr) return;
  records->restartIdle(message->idleFloor);
  for (const TouchItem& item : message->items) {
    Record* record = records->find(item.key);
    if (record == nullptr) continue;
    record->lastAccess = std::max(record->lastAccess, item.lastAccess);
    record->hits = std::max(record->hits, item.hits);
  }
}

}  // namespace ox::grid
