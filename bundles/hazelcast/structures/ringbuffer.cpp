#include "structures/ringbuffer.h"

#include <algorithm>

namespace ox::grid {
namespace {

enum class RingOp : std::uint8_t { kAdd = 1, kRead = 2, kInfo = 3 };

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  a ^= b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2);
  a = (a ^ (a >> 30)) * 0xbf58476d1ce4e5b9ULL;
  return a ^ (a >> 27);
}
std::uint64_t eraId(const ViewId& term) {
  const std::uint64_t id =
      mix(mix(mix(term.epoch, term.counter), term.master.hi), term.master.lo);
  return id == 0 ? 1 : id;
}
std::size_t cost(BytesView value) { return value.size() + kRingItemOverhead; }

std::int64_t endOf(const RingEras& eras, std::size_t i, std::int64_t tail) {
  return i + 1 < eras.size() ? std::min(eras[i + 1].first - 1, tail) : tail;
}
void addEra(RingEras& eras, std::uint64_t id, std::int64_t first) {
  if (!eras.empty() && eras.back().id == id) return;
  while (!eras.empty() && eras.back().first >= first) eras.pop_back();  // of a damaged copy
  eras.push_back({id, first});
  if (eras.size() > kMaxEras) eras.erase(eras.begin());
}
void writeEras(ByteWriter& out, const RingEras& eras) {
  out.u16(static_cast<std::uint16_t>(eras.size()));
  for (const auto& era : eras) {
    out.u64(era.id);
    out.i64(era.first);
  }
}
RingEras readEras(ByteReader& in) {
  RingEras eras;
  const std::size_t n = in.u16();
  if (n > kMaxEras) in.fail();
  std::int64_t before = -1;
  for (std::size_t i = 0; i < n && in.ok(); ++i) {
    RingEra era{in.u64(), in.i64()};
    if (era.id == 0 || era.first <= before) in.fail();
    before = era.first;
    eras.push_back(era);
  }
  return eras;
}
void writeItem(ByteWriter& out, std::int64_t time, BytesView value) {
  out.i64(time);
  out.blob(value);
}
std::vector<RingItem> readItems(ByteReader& in) {
  std::vector<RingItem> items;
  const auto n = in.count(12);
  items.reserve(n);
  for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
    const auto time = in.i64();
    const BytesView value = in.blob();
    if (value.size() > kMaxRingItem) in.fail();
    items.push_back({time, Bytes(value)});
  }
  return items;
}
// Far from overflow: 2^62 items are never reached.
bool soundTail(std::int64_t tail) { return tail >= -1 && tail < (std::int64_t{1} << 62); }

ContainerOutcome invalid(const char* what) {
  ContainerOutcome out;
  out.error = Error(Code::kInvalid, std::string("ring buffer: ") + what);
  return out;
}

}  // namespace

std::uint64_t eraOf(const RingEras& eras, std::int64_t sequence) {
  std::uint64_t id = 0;
  for (const auto& era : eras)
    if (era.first <= sequence) id = era.id;
  return id;
}

std::int64_t commonEnd(const RingEras& a, std::int64_t tailA, const RingEras& b,
                       std::int64_t tailB) {
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      if (a[i] == b[j]) return std::min(endOf(a, i, tailA), endOf(b, j, tailB));
  return -1;
}

// --- requests and answers

Bytes RingAdd::encode() const {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(RingOp::kAdd));
  out.boolean(overwrite);
  out.u32(static_cast<std::uint32_t>(values.size()));
  for (const BytesView value : values) out.blob(value);
  return out.take();
}
Bytes RingRead::encode() const {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(RingOp::kRead));
  out.i64(start);
  out.u64(era);
  out.u32(atLeast);
  out.u32(atMost);
  return out.take();
}
Bytes encodeRingInfo() { return Bytes(1, static_cast<char>(RingOp::kInfo)); }

Bytes RingAdded::encode() const {
  ByteWriter out;
  out.i64(last);
  return out.take();
}
Result<RingAdded> RingAdded::decode(BytesView bytes) {
  ByteReader in(bytes);
  RingAdded added{in.i64()};
  if (!in.ok() || !in.atEnd() || !soundTail(added.last))
    return Error(Code::kGridBadMessage, "undecodable answer of a ring buffer");
  return added;
}
Bytes RingAnswer::encode() const {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(status));
  out.i64(head);
  out.i64(tail);
  out.u64(capacity);
  writeEras(out, eras);
  out.i64(first);
  out.u32(static_cast<std::uint32_t>(items.size()));
  for (const auto& item : items) writeItem(out, item.storedMillis, item.value);
  return out.take();
}
Result<RingAnswer> RingAnswer::decode(BytesView bytes) {
  ByteReader in(bytes);
  RingAnswer a;
  const auto status = in.u8();
  if (status > static_cast<std::uint8_t>(RingStatus::kDiverged)) in.fail();
  a.status = static_cast<RingStatus>(status);
  a.head = in.i64();
  a.tail = in.i64();
  a.capacity = in.u64();
  a.eras = readEras(in);
  a.first = in.i64();
  a.items = readItems(in);
  const auto n = static_cast<std::int64_t>(a.items.size());
  if (!soundTail(a.tail) || a.head < 0 || a.head > a.tail + 1 || a.first < 0 ||
      a.first > a.tail + 1 || n > a.tail + 1 - a.first)
    in.fail();
  if (!in.ok() || !in.atEnd())
    return Error(Code::kGridBadMessage, "undecodable answer of a ring buffer");
  return a;
}

// --- at the owner

RingAnswer Ringbuffer::figures() const {
  RingAnswer a;
  a.head = head();
  a.tail = tail_;
  a.capacity = settings_.capacity;
  a.eras = eras_;
  a.first = tail_ + 1;
  return a;
}

ContainerOutcome Ringbuffer::apply(BytesView request, const ContainerContext& context) {
  ByteReader in(request);
  switch (static_cast<RingOp>(in.u8())) {
    case RingOp::kAdd: return add(in, context);
    case RingOp::kRead: return read(in, context);
    case RingOp::kInfo: {
      if (!in.ok() || !in.atEnd()) break;
      ContainerOutcome out;
      out.reply = figures().encode();
      return out;
    }
  }
  return invalid("undecodable request");
}

ContainerOutcome Ringbuffer::add(ByteReader& in, const ContainerContext& context) {
  Delta delta;
  const auto overwrite = in.u8();
  const auto n = in.count(4);
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
    delta.values.push_back(in.blob());
    delta.times.push_back(context.now);
    if (delta.values.back().size() > kMaxRingItem) return invalid("an item may have 4 MiB");
    bytes += cost(delta.values.back());
  }
  if (!in.ok() || !in.atEnd() || overwrite > 1) return invalid("undecodable request");
  if (n == 0 || n > kMaxRingBatch) return invalid("1..1000 items can be added at once");
  ContainerOutcome out;
  if (overwrite == 0 && (items_.size() + n > settings_.capacity || bytes_ + bytes > kMaxRingBytes)) {
    out.reply = RingAdded{}.encode();
    return out;
  }
  if (n > settings_.capacity) return invalid("more items at once than the capacity");
  delta.era = eraId(context.term);
  makeRoom(delta);
  out.delta = delta.encode();
  take(delta);
  out.reply = RingAdded{tail_}.encode();
  return out;
}

ContainerOutcome Ringbuffer::read(ByteReader& in, const ContainerContext& context) const {
  RingRead r;
  r.start = in.i64();
  r.era = in.u64();
  r.atLeast = in.u32();
  r.atMost = in.u32();
  if (!in.ok() || !in.atEnd() || r.start < kFromTail || !soundTail(r.start))
    return invalid("undecodable request");
  if (r.atMost == 0 || r.atMost > kMaxRingBatch || r.atLeast > r.atMost ||
      r.atLeast > settings_.capacity)
    return invalid("a read asks for 0..1000 items, not more than the capacity");
  ContainerOutcome out;
  RingAnswer a = figures();
  if (r.start == kFromTail) {
    out.reply = a.encode();
    return out;
  }
  a.first = std::clamp(r.start, a.head, tail_ + 1);
  if (r.start > tail_ + 1 || (r.era != 0 && eraOf(eras_, r.start - 1) != r.era)) {
    a.status = RingStatus::kDiverged;
    a.first = tail_ + 1;
  } else if (r.start < a.head) {
    a.status = RingStatus::kStale;
  } else if (tail_ + 1 - r.start < static_cast<std::int64_t>(r.atLeast) && !context.lastTry) {
    out.park = true;
    return out;
  }
  if (a.status != RingStatus::kDiverged) {
    std::size_t bytes = 0;
    for (auto at = static_cast<std::size_t>(a.first - a.head);
         at < items_.size() && a.items.size() < r.atMost && bytes < kMaxRingBatchBytes; ++at) {
      bytes += cost(items_[at].value);
      a.items.push_back(items_[at]);
    }
  }
  out.reply = a.encode();
  return out;
}

Bytes Ringbuffer::tick(const ContainerContext& context) {
  if (settings_.ttlSeconds <= 0 || items_.empty()) return {};
  const std::int64_t oldest = context.now - settings_.ttlSeconds * 1000;
  Delta delta;
  while (delta.dropped < items_.size() && items_[delta.dropped].storedMillis <= oldest)
    ++delta.dropped;
  if (delta.dropped == 0) return {};
  Bytes encoded = delta.encode();
  take(delta);
  return encoded;
}

void Ringbuffer::makeRoom(Delta& delta) const {
  std::size_t bytes = bytes_;
  for (const BytesView value : delta.values) bytes += cost(value);
  std::size_t count = items_.size() + delta.values.size();
  while (delta.dropped < items_.size() && (count > settings_.capacity || bytes > kMaxRingBytes)) {
    bytes -= cost(items_[delta.dropped].value);
    --count;
    ++delta.dropped;
  }
}

// --- changes

Bytes Ringbuffer::Delta::encode() const {
  ByteWriter out;
  out.u64(era);
  out.u32(dropped);
  writeMerged(out, merged);
  out.u32(static_cast<std::uint32_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) writeItem(out, times[i], values[i]);
  return out.take();
}
bool Ringbuffer::Delta::decode(BytesView bytes, Delta& out) {
  ByteReader in(bytes);
  out.era = in.u64();
  out.dropped = in.u32();
  out.merged = readMerged(in);
  const auto n = in.count(12);
  for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
    out.times.push_back(in.i64());
    out.values.push_back(in.blob());
    if (out.values.back().size() > kMaxRingItem) in.fail();
  }
  return in.ok() && in.atEnd() && (n == 0 || out.era != 0);
}

void Ringbuffer::take(const Delta& delta) {
  for (std::uint32_t i = 0; i < delta.dropped; ++i) {
    bytes_ -= cost(items_.front().value);
    items_.pop_front();
  }
  if (!delta.values.empty()) addEra(eras_, delta.era, tail_ + 1);
  for (std::size_t i = 0; i < delta.values.size(); ++i) {
    bytes_ += cost(delta.values[i]);
    items_.push_back({delta.times[i], Bytes(delta.values[i])});
    ++tail_;
  }
  for (const Merged& one : delta.merged) remember(merged_, one);
}

void Ringbuffer::remember(std::vector<Merged>& merged, Merged one) {
  for (auto& m : merged) {
    if (m.era != one.era) continue;
    m.last = std::max(m.last, one.last);
    return;
  }
  merged.push_back(one);
  if (merged.size() > kMaxEras) merged.erase(merged.begin());
}
void Ringbuffer::writeMerged(ByteWriter& out, const std::vector<Merged>& merged) {
  out.u16(static_cast<std::uint16_t>(merged.size()));
  for (const auto& m : merged) {
    out.u64(m.era);
    out.i64(m.last);
  }
}
std::vector<Ringbuffer::Merged> Ringbuffer::readMerged(ByteReader& in) {
  std::vector<Merged> merged;
  const std::size_t n = in.u16();
  if (n > kMaxEras) in.fail();
  for (std::size_t i = 0; i < n && in.ok(); ++i) merged.push_back({in.u64(), in.i64()});
  return merged;
}

bool Ringbuffer::replay(BytesView bytes) {
  Delta delta;
  if (!Delta::decode(bytes, delta) || delta.dropped > items_.size()) return false;
  take(delta);
  return true;
}

// --- copies

void Ringbuffer::SnapshotPiece::encodeHead(ByteWriter& out) const {
  writeEras(out, eras);
  writeMerged(out, merged);
  out.i64(tail);
  out.i64(first);
}
bool Ringbuffer::SnapshotPiece::decode(BytesView bytes, SnapshotPiece& out) {
  ByteReader in(bytes);
  out.eras = readEras(in);
  out.merged = readMerged(in);
  out.tail = in.i64();
  out.first = in.i64();
  out.items = readItems(in);
  const auto n = static_cast<std::int64_t>(out.items.size());
  return in.ok() && in.atEnd() && soundTail(out.tail) && out.first >= 0 &&
         (out.eras.empty() || out.eras.back().first <= out.tail) &&
         out.first <= out.tail + 1 && n <= out.tail + 1 - out.first;
}

void Ringbuffer::snapshot(const Piece& out) const {
  SnapshotPiece piece;
  piece.eras = eras_;
  piece.merged = merged_;
  piece.tail = tail_;
  std::size_t at = 0;
  do {
    piece.first = head() + static_cast<std::int64_t>(at);
    ByteWriter bytes;
    piece.encodeHead(bytes);
    const std::size_t countAt = bytes.size();
    bytes.u32(0);
    std::uint32_t n = 0;
    for (; at < items_.size() && bytes.size() < kMaxRingBatchBytes; ++at, ++n)
      writeItem(bytes, items_[at].storedMillis, items_[at].value);
    bytes.patchU32(countAt, n);
    out(bytes.bytes());
  } while (at < items_.size());
}

bool Ringbuffer::restore(BytesView bytes) {
  SnapshotPiece piece;
  if (!SnapshotPiece::decode(bytes, piece)) return false;
  if (tail_ < 0) tail_ = piece.first - 1;  // the first piece
  else if (piece.first != tail_ + 1) return false;
  merged_ = std::move(piece.merged);
  for (auto& item : piece.items) {
    bytes_ += cost(item.value);
    items_.push_back(std::move(item));
    ++tail_;
  }
  // Each piece names all eras; those that begin behind what has come so far come again with the next.
  eras_ = std::move(piece.eras);
  std::erase_if(eras_, [&](const RingEra& era) { return era.first > tail_; });
  return true;
}

ContainerOutcome Ringbuffer::merge(BytesView bytes, const ContainerContext& context) {
  SnapshotPiece piece;
  if (!SnapshotPiece::decode(bytes, piece)) return invalid("undecodable snapshot");
  const std::int64_t common = commonEnd(eras_, tail_, piece.eras, piece.tail);
  Delta delta;
  std::int64_t sequence = piece.first - 1;
  for (const auto& item : piece.items) {
    const std::uint64_t era = eraOf(piece.eras, ++sequence);
    if (sequence <= common || era == 0) continue;
    if (settings_.ttlSeconds > 0 && item.storedMillis + settings_.ttlSeconds * 1000 <= context.now)
      continue;
    const auto known = std::find_if(merged_.begin(), merged_.end(),
                                    [&](const Merged& m) { return m.era == era; });
    if (known != merged_.end() && known->last >= sequence) continue;
    remember(delta.merged, {era, sequence});
    delta.values.push_back(item.value);
    delta.times.push_back(item.storedMillis);
  }
  ContainerOutcome out;
  if (delta.values.empty()) return out;
  if (delta.values.size() > settings_.capacity) {
    const auto more = static_cast<std::ptrdiff_t>(delta.values.size() - settings_.capacity);
    delta.values.erase(delta.values.begin(), delta.values.begin() + more);
    delta.times.erase(delta.times.begin(), delta.times.begin() + more);
  }
  delta.era = eraId(context.term);
  makeRoom(delta);
  out.delta = delta.encode();
  take(delta);
  return out;
}

void addRingbuffers(ContainerRegistry& registry, RingSettings settings) {
  for (const char* type : {"ring", "topic"})
    registry.add(type, [settings](const std::string&) {
      return std::make_unique<Ringbuffer>(settings);
    });
}

}  // namespace ox::grid
