#include "map/entry_listeners.h"

#include <utility>

#include "map/record.h"

namespace ox::grid {
namespace {
using services::EntryEvent;
using services::EntryEventType;
using Part = EntryEventMessage::Part;

enum class Item : std::uint8_t { kAdd = 1, kRemove = 2 };
constexpr std::size_t kSnapshotPiece = 256u << 10;

void writeItem(ByteWriter& out, Item item, const ListenTable::Key& key, std::uint8_t flags,
               BytesView predicate) {
  out.u8(static_cast<std::uint8_t>(item));
  key.first.write(out);
  out.u64(key.second);
  if (item == Item::kRemove) return;
  out.u8(flags);
  out.blob(predicate);
}
}  // namespace

Bytes EntryEventMessage::encode(std::uint16_t slot) const {
  ByteWriter out;
  out.reserve(96 + key.size() + (value ? value->size() : 0) + (oldValue ? oldValue->size() : 0));
  out.u8(static_cast<std::uint8_t>(Kind::kEntryEvent));
  out.u16(slot);
  out.u64(registration);
  out.u64(term.epoch);
  out.u64(term.counter);
  term.master.write(out);
  out.u64(from);
  out.u64(to);
  out.u8(static_cast<std::uint8_t>(part));
  if (part != Part::kEvent) return out.take();
  out.u8(static_cast<std::uint8_t>(type));
  out.blob(key);
  out.u8(static_cast<std::uint8_t>((value ? 1 : 0) | (oldValue ? 2 : 0)));
  if (value) out.blob(*value);
  if (oldValue) out.blob(*oldValue);
  return out.take();
}

Result<EntryEventMessage> EntryEventMessage::decode(ByteReader& in) {
  EntryEventMessage m;
  m.registration = in.u64();
  m.term.epoch = in.u64();
  m.term.counter = in.u64();
  m.term.master = MemberId::read(in);
  m.from = in.u64();
  m.to = in.u64();
  const auto part = in.u8();
  if (part > static_cast<std::uint8_t>(Part::kFresh) || m.to < m.from) in.fail();
  m.part = static_cast<Part>(part);
  if (in.ok() && m.part == Part::kEvent) {
    const auto type = in.u8();
    if (type >= static_cast<std::uint8_t>(EntryEventType::kGap)) in.fail();
    m.type = static_cast<EntryEventType>(type);
    m.key = in.blob();
    const auto has = in.u8();
    if (has > 3 || m.key.size() > kMaxKeyBytes) in.fail();
    if ((has & 1) != 0) m.value = in.blob();
    if ((has & 2) != 0) m.oldValue = in.blob();
    if ((m.value && m.value->size() > kMaxValueBytes) ||
        (m.oldValue && m.oldValue->size() > kMaxValueBytes))
      in.fail();
  }
  if (!in.ok() || !in.atEnd())
    return Error(Code::kGridBadMessage, "undecodable member message: entry event");
  return m;
}

// --- who listens

Bytes encodeListen(std::uint64_t registration, std::uint8_t flags, BytesView predicate) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Item::kAdd));
  out.u64(registration);
  out.u8(flags);
  out.blob(predicate);
  return out.take();
}
Bytes encodeUnlisten(std::uint64_t registration) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Item::kRemove));
  out.u64(registration);
  return out.take();
}

ContainerOutcome ListenTable::apply(BytesView request, const ContainerContext& context) {
  ContainerOutcome out;
  ByteReader in(request);
  const auto item = static_cast<Item>(in.u8());
  const Key key{context.caller, in.u64()};
  std::uint8_t flags = 0;
  BytesView predicate;
  if (item == Item::kAdd) {
    flags = in.u8();
    predicate = in.blob();
  }
  if (!in.ok() || !in.atEnd() || item < Item::kAdd || item > Item::kRemove || flags > 3) {
    out.error = Error(Code::kGridBadMessage, "undecodable request of a listener");
    return out;
  }
  const auto it = all_.find(key);
  if (item == Item::kAdd && it != all_.end() && it->second.flags == flags &&
      it->second.predicate == predicate) {
    it->second.announced = false;  // it asks because it does not know whether it is heard
    return out;
  }
  if (item == Item::kRemove && it == all_.end()) return out;
  if (item == Item::kAdd && it == all_.end() && all_.size() >= kMaxRegistrations) {
    out.error = Error(Code::kBusy, "more than " + std::to_string(kMaxRegistrations) +
                                       " listeners of one map");
    return out;
  }
  ByteWriter delta;
  writeItem(delta, item, key, flags, predicate);
  if (!change(delta.bytes(), true)) {
    out.error = Error(Code::kInvalid, "the predicate of the listener is not understood");
    return out;
  }
  out.delta = delta.take();
  return out;
}

bool ListenTable::change(BytesView bytes, bool fresh) {
  ByteReader in(bytes);
  std::vector<std::pair<Key, std::optional<Registration>>> items;
  while (in.ok() && !in.atEnd()) {
    const auto item = static_cast<Item>(in.u8());
    if (item != Item::kAdd && item != Item::kRemove) in.fail();
    Key key;
    key.first = MemberId::read(in);
    key.second = in.u64();
    std::optional<Registration> r;
    if (in.ok() && item == Item::kAdd) {
      r.emplace();
      r->flags = in.u8();
      r->predicate = Bytes(in.blob());
      r->fresh = fresh;
      if (r->flags > 3) in.fail();
      if (in.ok() && !r->predicate.empty()) {
        auto compiled = CompiledPredicate::decode(r->predicate);
        if (!compiled) return false;
        r->compiled = std::move(*compiled);
      }
    }
    items.emplace_back(key, std::move(r));
  }
  if (!in.ok() || all_.size() + items.size() > 2 * kMaxRegistrations) return false;
  for (auto& [key, r] : items) {
    if (r) all_[key] = std::move(*r);
    else all_.erase(key);
  }
  return true;
}

bool ListenTable::replay(BytesView delta) { return change(delta, false); }

void ListenTable::snapshot(const Piece& out) const {
  ByteWriter piece;
  for (const auto& [key, r] : all_) {
    writeItem(piece, Item::kAdd, key, r.flags, r.predicate);
    if (piece.size() < kSnapshotPiece) continue;
    out(piece.take());
    piece = ByteWriter();
  }
  if (piece.size() > 0) out(piece.take());
}

Bytes ListenTable::membersChanged(const Present& present, const ContainerContext&) {
  ByteWriter delta;
  std::erase_if(all_, [&](const auto& e) {
    if (present(e.first.first)) return false;
    writeItem(delta, Item::kRemove, e.first, 0, {});
    return true;
  });
  return delta.take();
}

std::size_t ListenTable::bytes() const {
  std::size_t sum = 0;
  for (const auto& [_, r] : all_) sum += sizeof(Registration) + 64 + r.predicate.size();
  return sum;
}

// --- at the listener

void ListenerProgress::gap(int partition, const Deliver& deliver) {
  EntryEvent e;
  e.type = EntryEventType::kGap;
  e.partition = partition;
  deliver(std::move(e));
}

void ListenerProgress::take(const MemberId& from, const EntryEventMessage& m, int partition,
                            const Deliver& deliver) {
  const bool first = !known_;
  const bool newOwner = first || m.term != term_;
  // A registration that was lost with all its copies, or a number that was not reached; or a new
  // owner that begins before what was told, which therefore was taken back.
  // The first word about a new registration is that it is new; without it something came before.
  // After a loss that was told, changes went on unheard until now: whoever has read anew meanwhile
  // must do so again.
  const bool lost = first ? m.part != Part::kFresh || lost_
                          : m.part == Part::kFresh || m.from > covered_ ||
                                (newOwner && m.from < covered_);
  if (lost) gap(partition, deliver);
  lost_ = false;
  known_ = true;
  owner_ = from;
  term_ = m.term;
  covered_ = newOwner ? m.to : std::max(covered_, m.to);
  if (m.part != Part::kEvent) return;
  EntryEvent e;
  e.type = m.type;
  e.partition = partition;
  e.key = Bytes(m.key);
  if (m.value) e.value = Bytes(*m.value);
  if (m.oldValue) e.oldValue = Bytes(*m.oldValue);
  deliver(std::move(e));
}

void ListenerProgress::received(const MemberId& from, BytesView body, const EntryEventMessage& m,
                                int partition, std::int64_t now,
                                const std::function<bool(const MemberId&)>& quiet,
                                const Deliver& deliver) {
  if (m.term < term_) return;  // its loss has been told
  if (known_ && m.term > term_) {
    if (!waiting_ && m.from > covered_ && m.part != Part::kFresh && !quiet(owner_)) {
      waiting_ = true;
      base_ = m.from;
      since_ = now;
    }
    if (waiting_) {
      if (held_.size() >= kMaxHeldEvents) {
        held_.clear();  // more than can be kept: the rest shows as a gap
        term_ = m.term;
        return release(partition, true, deliver);
      }
      held_.push_back({from, m.term, Bytes(body)});
      return;
    }
  }
  take(from, m, partition, deliver);
  if (waiting_ && covered_ >= base_) release(partition, false, deliver);
}

void ListenerProgress::release(int partition, bool lost, const Deliver& deliver) {
  waiting_ = false;
  if (lost && held_.empty()) {
    // Whatever comes next is measured against nothing: told now, and when it comes.
    known_ = false;
    lost_ = true;
    return gap(partition, deliver);
  }
  auto held = std::move(held_);
  held_.clear();
  for (const Held& h : held) {
    ByteReader in(h.frame);
    const auto m = EntryEventMessage::decode(in);
    if (m && m->term >= term_) take(h.from, *m, partition, deliver);
  }
}

void ListenerProgress::tick(int partition, std::int64_t now,
                            const std::function<bool(const MemberId&)>& quiet,
                            const Deliver& deliver) {
  if (waiting_ && (now - since_ >= kHandoverMillis || quiet(owner_)))
    release(partition, true, deliver);
}

void ListenerProgress::forget(int partition, const Deliver& deliver) {
  held_.clear();
  waiting_ = false;
  term_ = {};
  if (!std::exchange(known_, false)) return;
  lost_ = true;
  gap(partition, deliver);
}

}  // namespace ox::grid
