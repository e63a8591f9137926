// LockTable: the locks of one map in one partition, container "@lock:MAP".
//
// Purpose:   reentrant locks on keys, held by (member, token), with an optional lease. Released when
//            unlocked, when the lease ends (on the owner's clock), and when the member leaves the view.
// Promise:   advisory. Writes of others to a locked key wait at the owner in force, at the end of
//            their time they fail (RUN-0005, partition/locked_writes.cpp); both halves of a split may lock the same key, and the smaller half's locks end
//            when they unite.
// Threads:   one (its shard's).
// Bounds:    kMaxLocks per partition and map, kMaxLockCount times reentrant, kMaxLeaseMillis.
// Errors:    undecodable bytes are refused whole (GRID-0008; a backup asks for a copy).
#pragma once

#include <absl/container/flat_hash_map.h>

#include "services/grid_query.h"
#include "structures/container.h"

namespace ox::grid {

inline constexpr std::size_t kMaxLocks = 100'000;
inline constexpr std::uint32_t kMaxLockCount = 1'000'000;
inline constexpr std::int64_t kMaxLeaseMillis = std::int64_t{366} * 24 * 3600 * 1000;
inline constexpr const char* kLockType = "lock";

enum class LockOp : std::uint8_t { kLock = 1, kUnlock = 2, kForce = 3, kState = 4 };
Bytes encodeLock(LockOp op, BytesView key, std::uint32_t token, std::int64_t leaseMillis);
Result<services::LockState> decodeLockState(BytesView reply);

class LockTable final : public Container {
 public:
  ContainerOutcome apply(BytesView request, const ContainerContext& context) override;
  bool replay(BytesView delta) override;
  void snapshot(const Piece& out) const override;
  bool restore(BytesView piece) override;
  Bytes tick(const ContainerContext& context) override;
  Bytes membersChanged(const Present& present, const ContainerContext& context) override;
  bool empty() const override { return locks_.empty(); }
  std::size_t bytes() const override { return bytes_; }

  // Whoever holds the key, if anybody does (token 0 = nobody's).
  struct Holder {
    MemberId member;
    std::uint32_t token = 0;
    bool operator==(const Holder&) const = default;
  };
  std::optional<Holder> holder(BytesView key, std::int64_t now) const;
  std::size_t size() const { return locks_.size(); }

 private:
  struct Lock {
    MemberId owner;
    std::uint32_t token = 0;
    std::uint32_t count = 0;
    std::int64_t until = 0;  // ms since 1970, 0 = for ever
    bool over(std::int64_t now) const { return until != 0 && now >= until; }
  };
  static void writeSet(ByteWriter& out, BytesView key, const Lock& lock);
  static void writeErase(ByteWriter& out, BytesView key);
  void put(BytesView key, const Lock& lock);
  void erase(BytesView key);
  Bytes eraseIf(const std::function<bool(const Lock&)>& which);
  absl::flat_hash_map<std::string, Lock> locks_;  // key without its partition hash
  std::size_t bytes_ = 0;
};

}  // namespace ox::grid
