// Entry listeners: the owner tells every change as soon as the backups that a writer waits for hold
// it, so that a crash takes back nothing that was told; the listener registers again at every new
// owner and finds what is missing (map/entry_listeners.h says how).
#include <algorithm>

#include "partition/shard_impl.h"

namespace ox::grid {

using Impl = ShardCore::Impl;
using services::EntryEventType;
using Part = EntryEventMessage::Part;

namespace {
constexpr std::int64_t kListenTickMillis = 100;
constexpr std::int64_t kListenAgainMillis = 500;   // after a refused registration
constexpr std::size_t kMaxListening = 4096;        // listeners of this member
constexpr std::size_t kMaxStale = 1024;
constexpr std::size_t kEventHeadBytes = 256;
}  // namespace

// --- at the owner

// The store keeps what a change replaces as long as somebody listens.
void Impl::watchFormer(Partition& p, const MapInfo& m) {
  if (m.listeners == kNoMap) return;
  RecordStore* records = findStore(p.data, m.index);
  if (records == nullptr) return;
  const ListenTable* table = listenTable(p, m);
  records->keepFormer(table != nullptr && !table->empty());
}

void Impl::tellListeners(Partition& p, MapInfo& m, const Change& change) {
  ListenTable* table = listenTable(p, m);
  if (table == nullptr || table->empty()) return;
  RecordStore* records = findStore(p.data, m.index);
  const std::optional<Bytes> former = records != nullptr ? records->takeFormer() : std::nullopt;
  EntryEventMessage event;
  event.part = Part::kEvent;
  std::optional<BytesView> value;
  switch (change.effect) {
    case Effect::kStored:
      event.type = change.cause == Change::Cause::kMerge ? EntryEventType::kMerged
                   : former                              ? EntryEventType::kUpdated
                                                         : EntryEventType::kAdded;
      value = change.record->value();
      break;
    case Effect::kRemoved:
      if (!former) return;
      event.type = change.cause == Change::Cause::kEviction ? EntryEventType::kEvicted
                   : change.why == Burial::kExpired         ? EntryEventType::kExpired
                                                            : EntryEventType::kRemoved;
      break;
    case Effect::kCleared:
      event.type = EntryEventType::kCleared;
      break;
    default:
      return;
  }
  const std::uint64_t number = p.data.versions[0];
  for (auto& [key, r] : table->registrations()) {
    if (r.compiled && event.type != EntryEventType::kCleared &&
        !r.compiled->matches(change.key, value ? *value : BytesView(*former)))
      continue;
    if (!r.announced || r.term != p.data.term) announce(p, m, key, r, number - 1);
    EntryEventMessage one = event;
    one.registration = key.second;
    one.term = p.data.term;
    one.from = r.sent;
    one.to = number;
    one.key = change.key;
    std::size_t bytes = kEventHeadBytes + change.key.size();
    const auto fits = [&](std::size_t n) {
      bytes += n;
      return bytes <= kMaxFrameBytes;
    };
    if ((r.flags & kListenValue) != 0 && value && fits(value->size())) one.value = value;
    if ((r.flags & kListenOldValue) != 0 && former && event.type != EntryEventType::kCleared &&
        fits(former->size())) one.oldValue = *former;
    r.sent = number;
    ++m.events;
    r.announced = sendEvent(key.first, p, m, one);  // else the next mark shows what was dropped
  }
}

// Tells a listener that this owner sends, and from which number on.
void Impl::announce(Partition& p, const MapInfo& m, const ListenTable::Key& key,
                    ListenTable::Registration& r, std::uint64_t upTo) {
  EntryEventMessage mark;
  mark.part = r.fresh ? Part::kFresh : Part::kMark;
  mark.registration = key.second;
  mark.term = p.data.term;
  mark.to = upTo;
  mark.from = r.term == p.data.term ? r.sent : r.fresh ? upTo : std::min(p.baseVersions[0], upTo);
  r.fresh = false;
  r.term = p.data.term;
  r.sent = upTo;
  r.announced = sendEvent(key.first, p, m, mark);
}

// What was on the way may be lost: the next mark shows it.
void Impl::announceAgain(Partition& p, const MemberId& member) {
  for (std::size_t i = 0; i < p.data.containers.size(); ++i) {
    if (maps_[i]->listensTo == kNoMap) continue;
    if (ListenTable* table = listenTable(p, *maps_[maps_[i]->listensTo]))
      for (auto& [key, r] : table->registrations())
        if (key.first == member) r.announced = false;
  }
}

// Nothing follows from this owner; what only owners need goes. A next owner that took over in order
// holds all changes; of others that is not known, and the last mark shows what was not told.
void Impl::endFeatures(Partition& p) {
  if (p.reported) tellUntold(p, true);
  for (auto& [_, queue] : p.untold) queue.clear();
  p.untoldBytes = 0;
  for (auto& records : p.data.stores) {
    if (!records) continue;
    records->observe(nullptr);
    records->keepFormer(false);
  }
  for (std::size_t i = 0; i < p.data.containers.size(); ++i) {
    if (maps_[i]->listensTo == kNoMap) continue;
    MapInfo& m = *maps_[maps_[i]->listensTo];
    if (ListenTable* table = listenTable(p, m))
      for (auto& [key, r] : table->registrations()) announce(p, m, key, r, p.data.versions[0]);
  }
  tellUntold(p, true);
}

// False = dropped, too much waits for the backups.
bool Impl::sendEvent(const MemberId& to, Partition& p, const MapInfo& m,
                     const EntryEventMessage& e) {
  std::size_t waiting = 0;
  for (const auto& [_, queue] : p.untold) waiting += queue.size();
  if (waiting >= kMaxUntoldEvents || p.untoldBytes >= kMaxUntoldBytes) return false;
  Bytes frame = e.encode(static_cast<std::uint16_t>(p.number));
  p.untoldBytes += frame.size();
  p.untold[m.sync].push_back({e.to, to, std::move(frame)});
  if (!fenced_ && watermark(p, m.sync) >= e.to) tellUntold(p, false);
  return true;
}

// What the backups hold by now, or everything.
void Impl::tellUntold(Partition& p, bool all) {
  for (auto& [sync, queue] : p.untold) {
    while (!queue.empty() && (all || queue.front().number <= watermark(p, sync))) {
      UntoldEvent event = std::move(queue.front());
      queue.pop_front();
      p.untoldBytes -= event.frame.size();
      if (event.to == settings_.self) onEntryEvent(event.to, p, event.frame);
      else post(event.to, std::move(event.frame));
    }
  }
}

// --- at the listener

void Impl::listen(std::uint64_t id, const std::string& name, std::uint8_t flags, Bytes predicate,
                  services::Completion<bool> done) {
  if (!view_) return done(Error(Code::kGridNotJoined));
  if (!containersSpoken()) return done(containersUnspoken());
  if (name.empty() || name.size() > kMaxNameBytes - 16 || isContainerName(name))
    return done(Error(Code::kInvalid, "this name of a map is not allowed"));
  if (listening_.size() >= kMaxListening)
    return done(Error(Code::kBusy, "more than " + std::to_string(kMaxListening) + " listeners"));
  Listening l;
  l.map = name;
  l.wire = id;
  l.flags = flags;
  l.predicate = std::move(predicate);
  for (const auto& p : partitions_)
    if (p) {
      l.targets.emplace_back();
      l.targets.back().number = p->number;
    }
  l.missing = l.targets.size();
  l.deadline = steady() + settings_.callTimeoutMillis;
  if (l.missing == 0) return done(true);
  l.done = std::move(done);
  listening_.emplace(id, std::move(l));
  listenAt_ = 0;
}

void Impl::unlisten(std::uint64_t id) {
  const auto it = listening_.find(id);
  if (it == listening_.end()) return;
  const Listening gone = std::move(it->second);
  listening_.erase(it);
  ended(gone.wire, gone.map);
  for (const auto& t : gone.targets)
    if (t.everHeld || t.asking)
      invoke(containerName(kListenType, gone.map), t.number, encodeUnlisten(gone.wire),
             0, [](const Result<Bytes>&) {});
  if (gone.done) gone.done(Error(Code::kShutdown));
}

void Impl::registerAt(std::uint64_t id, Listening& l, Listening::Target& t) {
  t.asking = true;
  const MemberId owner = view_->partitions[static_cast<std::size_t>(t.number)].at[0];
  invoke(containerName(kListenType, l.map), t.number, encodeListen(l.wire, l.flags, l.predicate), 0,
         [this, id, wire = l.wire, number = t.number, owner](const Result<Bytes>& r) {
           const auto it = listening_.find(id);
           if (it == listening_.end() || it->second.wire != wire) return;  // of a former cluster
           Listening& mine = it->second;
           for (auto& target : mine.targets) {
             if (target.number != number) continue;
             target.asking = false;
             if (!r) {
               target.notBefore = steady() + kListenAgainMillis;
               if (r.error().retryable || !mine.done) return;
               const auto done = std::exchange(mine.done, nullptr);
               const Error error = r.error();
               unlisten(id);
               return done(error);
             }
             target.registeredAt = owner;
             if (std::exchange(target.everHeld, true)) return;
             if (--mine.missing == 0 && mine.done) std::exchange(mine.done, nullptr)(true);
             return;
           }
         });
}

void Impl::listenersTick(std::int64_t now) {
  // The owner's half: announcements, and marks where numbers rise without events.
  for (const auto& p : partitions_) {
    if (!p || !p->owner || p->data.containers.empty()) continue;
    const bool mark = now - p->markedAt >= kMarkMillis;
    if (mark) p->markedAt = now;
    for (std::size_t i = 0; i < p->data.containers.size(); ++i) {
      if (maps_[i]->listensTo == kNoMap) continue;
      MapInfo& m = *maps_[maps_[i]->listensTo];
      ListenTable* table = listenTable(*p, m);
      if (table == nullptr) continue;
      for (auto& [key, r] : table->registrations())
        if (!r.announced || r.term != p->data.term || (mark && r.sent < p->data.versions[0]))
          announce(*p, m, key, r, p->data.versions[0]);
    }
  }
  if ((listening_.empty() && stale_.empty()) || now < listenAt_ || !view_) return;
  listenAt_ = now + kListenTickMillis;
  for (const auto& [id, number] : std::exchange(stale_, {}))
    invoke(containerName(kListenType, ended_[id]), number, encodeUnlisten(id), 0,
           [](const Result<Bytes>&) {});
  std::vector<std::uint64_t> ids;
  for (const auto& [id, _] : listening_) ids.push_back(id);
  for (const auto id : ids) {
    const auto deliver = [this, id](services::EntryEvent e) {
      if (entryDeliver_) entryDeliver_(id, std::move(e));
    };
    auto it = listening_.find(id);
    if (it == listening_.end()) continue;
    if (it->second.done && now >= it->second.deadline) {
      const auto done = std::exchange(it->second.done, nullptr);
      unlisten(id);
      done(Error(Code::kNetTimeout));
      continue;
    }
    for (std::size_t i = 0; it != listening_.end() && i < it->second.targets.size(); ++i) {
      Listening::Target& t = it->second.targets[i];
      t.progress.tick(t.number, now, [this](const MemberId& m) { return quiet(m); }, deliver);
      if (t.number >= view_->partitionCount()) continue;
      const Replicas& r = view_->partitions[static_cast<std::size_t>(t.number)];
      if (t.asking || r.count == 0 || r.at[0] == t.registeredAt || now < t.notBefore) continue;
      registerAt(id, it->second, t);
      it = listening_.find(id);  // a refusal may have ended it
    }
  }
}

void Impl::listenersView() {
  ownedHere_ = 0;
  listenAt_ = 0;
  if (!view_) return listenersLost();
  for (const Replicas& r : view_->partitions)
    if (r.count > 0 && r.at[0] == settings_.self) ++ownedHere_;
}

// This member goes over to another cluster, whose numbers are others. What owners of the former one
// still send must not be taken for theirs: each listener gets another number.
void Impl::listenersLost() {
  for (auto& [id, l] : listening_) {
    ended(l.wire, l.map);
    l.wire += std::uint64_t{1} << kListenGenerationShift;
    for (auto& t : l.targets) {
      t.registeredAt = {};
      t.asking = false;
      t.notBefore = 0;
      t.progress.forget(t.number, [this, id = id](services::EntryEvent e) {
        if (entryDeliver_) entryDeliver_(id, std::move(e));
      });
    }
  }
}

void Impl::onEntryEvent(const MemberId& from, Partition& p, BytesView frame) {
  const BytesView body = frame.substr(kDataHeadBytes);
  ByteReader in(body);
  const auto message = EntryEventMessage::decode(in);
  if (!message) return bad(from, message.error().message);
  const auto it = listening_.find(message->registration &
                                  ((std::uint64_t{1} << kListenGenerationShift) - 1));
  if (it == listening_.end() || it->second.wire != message->registration)
    return endStale(message->registration, p.number);
  for (auto& t : it->second.targets) {
    if (t.number != p.number) continue;
    t.progress.received(from, body, *message, p.number, steady(),
                        [this](const MemberId& m) { return quiet(m); },
                        [this, id = it->first](services::EntryEvent e) {
                          if (entryDeliver_) entryDeliver_(id, std::move(e));
                        });
    return;
  }
}

// An owner tells somebody who has gone: unlisten() did not reach it, so it is said again.
void Impl::endStale(std::uint64_t wire, int number) {
  if (ended_.contains(wire) && stale_.size() < kMaxStale) stale_.emplace(wire, number);
}

void Impl::ended(std::uint64_t wire, const std::string& map) {
  if (ended_.size() >= kMaxStale) ended_.erase(ended_.begin());
  ended_[wire] = map;
}

}  // namespace ox::grid
