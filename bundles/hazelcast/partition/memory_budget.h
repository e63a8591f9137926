// MemoryBudget: what the entries of this member may take, over all its shards.
//
// Purpose:   one limit for entries that must not be lost (sessions) and one for discardable maps.
//            Counted: keys, values, overhead of entries and tombstones, containers (as of the last
//            tick), owned and backups alike. Containers are counted, not refused: each has a bound
//            of its own.
// Threads:   any; each shard reports the difference when it is worth it (reportBytes), so the limit
//            is kept to that many bytes per shard.
// Units:     bytes; a limit of 0 = none.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace ox::grid {

enum class MemoryPool : std::uint8_t { kKept = 0, kDiscardable = 1 };

class MemoryBudget {
 public:
  static constexpr std::int64_t kMostReportBytes = 64 << 10;
  static constexpr std::int64_t kReportPart = 64;  // of the limit, all shards together

  explicit MemoryBudget(std::int64_t keptBytes = 0, std::int64_t discardableBytes = 0,
                        int shards = 1)
      : limit_{keptBytes, discardableBytes},
        report_{part(keptBytes, shards), part(discardableBytes, shards)} {}
  // A change of less is not reported before the next tick.
  std::int64_t reportBytes(MemoryPool pool) const { return report_[index(pool)]; }
  void add(MemoryPool pool, std::int64_t bytes) { used_[index(pool)] += bytes; }
  std::int64_t used(MemoryPool pool) const { return used_[index(pool)]; }
  std::int64_t limit(MemoryPool pool) const { return limit_[index(pool)]; }
  // Would `more` bytes go beyond the limit?
  bool full(MemoryPool pool, std::int64_t more) const {
    const std::int64_t most = limit_[index(pool)];
    return most > 0 && used_[index(pool)] + more > most;
  }

 private:
  static std::size_t index(MemoryPool pool) { return static_cast<std::size_t>(pool); }
  static std::int64_t part(std::int64_t limit, int shards) {
    if (limit <= 0) return kMostReportBytes;
    return std::min(kMostReportBytes, limit / kReportPart / std::max(shards, 1));
  }
  const std::array<std::int64_t, 2> limit_;
  const std::array<std::int64_t, 2> report_;
  std::array<std::atomic<std::int64_t>, 2> used_{};
};

}  // namespace ox::grid
