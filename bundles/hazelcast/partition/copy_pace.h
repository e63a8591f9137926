// CopyPace: how fast one shard copies partitions to other members, so that its callers are served
// in between.
//
// Purpose:   says when a further snapshot may be made and when a chunk may be sent. Without a limit
//            only making snapshots is spread over the ticks; with one, one copy runs at a time and
//            bytes flow at the given rate.
// Threads:   one (its shard's). Units: bytes, steady milliseconds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ox::grid {

inline constexpr std::size_t kMaxCopiesAtOnce = 16;
inline constexpr std::size_t kSnapshotBytesPerTick = 8u << 20;
inline constexpr std::int64_t kPaceBurstMillis = 50;  // unused rate is kept that long

class CopyPace {
 public:
  // 0 = no limit.
  explicit CopyPace(std::int64_t bytesPerSecond) : rate_(bytesPerSecond) {}

  bool limited() const { return rate_ > 0; }
  bool mayStart(std::size_t running) const {
    if (limited()) return running == 0 && credit_ > 0;
    return running < kMaxCopiesAtOnce && made_ < kSnapshotBytesPerTick;
  }
  void snapshot(std::size_t bytes) { made_ += bytes; }
  // True, and counted, when a chunk of that size may go now. A chunk may overdraw: the next waits.
  bool send(std::size_t bytes) {
    if (!limited()) return true;
    if (credit_ <= 0) return false;
    credit_ -= static_cast<std::int64_t>(bytes);
    return true;
  }
  void tick(std::int64_t nowMillis) {
    made_ = 0;
    if (!limited()) return;
    const std::int64_t passed = std::clamp<std::int64_t>(nowMillis - at_, 0, kPaceBurstMillis);
    at_ = nowMillis;
    credit_ = std::min(credit_ + rate_ * passed / 1000, rate_ * kPaceBurstMillis / 1000 + 1);
  }

 private:
  std::int64_t rate_;
  std::int64_t credit_ = 0;
  std::int64_t at_ = 0;
  std::size_t made_ = 0;
};

}  // namespace ox::grid
