#include "map/locks.h"

#include <algorithm>

#include "map/record.h"

namespace ox::grid {
namespace {
enum class Item : std::uint8_t { kSet = 1, kErase = 2 };
constexpr std::size_t kLockOverhead = 96;
constexpr std::size_t kSnapshotPiece = 256u << 10;

std::string slot(BytesView key) { return std::string(comparable(key)); }

ContainerOutcome refused(Code code, const std::string& text) {
  ContainerOutcome out;
  out.error = Error(code, text);
  return out;
}
}  // namespace

Bytes encodeLock(LockOp op, BytesView key, std::uint32_t token, std::int64_t leaseMillis) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(op));
  out.blob(key);
  out.u32(token);
  out.i64(leaseMillis);
  return out.take();
}

Result<services::LockState> decodeLockState(BytesView reply) {
  ByteReader in(reply);
  services::LockState state;
  state.locked = in.boolean();
  state.owner = MemberId::read(in).toString();
  state.token = in.u32();
  state.count = in.u32();
  if (!in.ok() || !in.atEnd()) return Error(Code::kGridBadMessage, "undecodable state of a lock");
  if (!state.locked) state = {};
  return state;
}

void LockTable::writeSet(ByteWriter& out, BytesView key, const Lock& lock) {
  out.u8(static_cast<std::uint8_t>(Item::kSet));
  out.blob(key);
  lock.owner.write(out);
  out.u32(lock.token);
  out.u32(lock.count);
  out.i64(lock.until);
}
void LockTable::writeErase(ByteWriter& out, BytesView key) {
  out.u8(static_cast<std::uint8_t>(Item::kErase));
  out.blob(key);
}
void LockTable::put(BytesView key, const Lock& lock) {
  if (locks_.insert_or_assign(std::string(key), lock).second) bytes_ += kLockOverhead + key.size();
}
void LockTable::erase(BytesView key) {
  const auto it = locks_.find(std::string(key));
  if (it == locks_.end()) return;
  bytes_ -= kLockOverhead + key.size();
  locks_.erase(it);
}

std::optional<LockTable::Holder> LockTable::holder(BytesView key, std::int64_t now) const {
  if (locks_.empty()) return std::nullopt;
  const auto it = locks_.find(slot(key));
  if (it == locks_.end() || it->second.over(now)) return std::nullopt;
  return Holder{it->second.owner, it->second.token};
}

ContainerOutcome LockTable::apply(BytesView request, const ContainerContext& context) {
  ByteReader in(request);
  const auto op = static_cast<LockOp>(in.u8());
  const BytesView given = in.blob();
  const std::uint32_t token = in.u32();
  const std::int64_t lease = in.i64();
  if (!in.ok() || !in.atEnd() || given.empty() || given.size() > kMaxKeyBytes || lease < 0 ||
      op < LockOp::kLock || op > LockOp::kState)
    return refused(Code::kGridBadMessage, "undecodable request of a lock");
  const std::string key = slot(given);
  const auto it = locks_.find(key);
  const bool held = it != locks_.end() && !it->second.over(context.now);
  const bool ours = held && it->second.owner == context.caller && it->second.token == token;
  ContainerOutcome out;
  ByteWriter reply, delta;
  Lock lock;
  switch (op) {
    case LockOp::kLock: {
      if (held && !ours) {
        out.park = true;
        return out;
      }
      if (!held && it == locks_.end() && locks_.size() >= kMaxLocks)
        return refused(Code::kBusy, "more than " + std::to_string(kMaxLocks) +
                                        " locks of one map in one partition");
      if (ours) lock = it->second;
      if (lock.count >= kMaxLockCount) return refused(Code::kBusy, "locked too many times");
      lock.owner = context.caller;
      lock.token = token;
      ++lock.count;
      lock.until = lease == 0 ? 0 : context.now + std::min(lease, kMaxLeaseMillis);
      put(key, lock);
      writeSet(delta, key, lock);
      break;
    }
    case LockOp::kUnlock:
      if (!ours)
        return refused(Code::kInvalid, held ? "the lock belongs to another caller"
                                            : "the key is not locked (its lease may have ended)");
      lock = it->second;
      if (--lock.count > 0) {
        put(key, lock);
        writeSet(delta, key, lock);
      } else {
        erase(key);
        writeErase(delta, key);
      }
      break;
    case LockOp::kForce:
      if (it != locks_.end()) {
        erase(key);
        writeErase(delta, key);
      }
      break;
    case LockOp::kState:
      if (held) lock = it->second;
      break;
  }
  reply.boolean(lock.count > 0);
  lock.owner.write(reply);
  reply.u32(lock.token);
  reply.u32(lock.count);
  out.reply = reply.take();
  out.delta = delta.take();
  return out;
}

bool LockTable::replay(BytesView delta) {
  ByteReader in(delta);
  std::vector<std::pair<std::string, Lock>> items;
  while (in.ok() && !in.atEnd()) {
    const auto item = static_cast<Item>(in.u8());
    if (item != Item::kSet && item != Item::kErase) in.fail();
    const BytesView key = in.blob();
    if (key.empty() || key.size() > kMaxKeyBytes) in.fail();
    Lock lock;
    if (item == Item::kSet) {
      lock.owner = MemberId::read(in);
      lock.token = in.u32();
      lock.count = in.u32();
      lock.until = in.i64();
      if (lock.count == 0 || lock.count > kMaxLockCount || lock.until < 0) in.fail();
    }
    items.emplace_back(std::string(key), lock);
  }
  if (!in.ok() || locks_.size() + items.size() > 2 * kMaxLocks) return false;
  for (const auto& [key, lock] : items) {
    if (lock.count > 0) put(key, lock);
    else erase(key);
  }
  return true;
}

void LockTable::snapshot(const Piece& out) const {
  ByteWriter piece;
  for (const auto& [key, lock] : locks_) {
    writeSet(piece, key, lock);
    if (piece.size() < kSnapshotPiece) continue;
    out(piece.take());
    piece = ByteWriter();
  }
  if (piece.size() > 0) out(piece.take());
}
bool LockTable::restore(BytesView piece) { return replay(piece); }

Bytes LockTable::eraseIf(const std::function<bool(const Lock&)>& which) {
  ByteWriter delta;
  std::vector<std::string> gone;
  for (const auto& [key, lock] : locks_) {
    if (!which(lock)) continue;
    gone.push_back(key);
    writeErase(delta, key);
    if (delta.size() >= kSnapshotPiece) break;  // the rest at the next tick
  }
  for (const auto& key : gone) erase(key);
  return delta.take();
}

Bytes LockTable::tick(const ContainerContext& context) {
  return eraseIf([&](const Lock& lock) { return lock.over(context.now); });
}
Bytes LockTable::membersChanged(const Present& present, const ContainerContext&) {
  ByteWriter all;
  for (;;) {
    const Bytes some = eraseIf([&](const Lock& lock) { return !present(lock.owner); });
    if (some.empty()) return all.take();
    all.raw(some);
  }
}

}  // namespace ox::grid
