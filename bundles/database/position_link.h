// PositionLink: ReplicaPositions tied to the grid: its map and entry processor, who the members are, and a
// tick each second.
//
// Threads:   one of its own, which never waits for the grid. stop() ends it.
// Ownership: the grid outlives it (bundles are stopped in order).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "replica_positions.h"

namespace ox::database {

class PositionLink {
 public:
  static constexpr std::int64_t kTickMillis = 1'000;

  // `grid` null: the positions know nothing of other nodes, and the master is asked.
  static Result<std::unique_ptr<PositionLink>> make(std::shared_ptr<services::Grid> grid,
                                                    PositionSettings settings,
                                                    Clock& clock = systemClock());
  ~PositionLink();
  const std::shared_ptr<ReplicaPositions>& positions() const { return positions_; }
  void stop();

 private:
  PositionLink(std::shared_ptr<services::Grid> grid, std::shared_ptr<ReplicaPositions> positions)
      : grid_(std::move(grid)), positions_(std::move(positions)) {}
  void start();
  void tell();

  const std::shared_ptr<services::Grid> grid_;
  const std::shared_ptr<ReplicaPositions> positions_;
  std::mutex telling_;
  std::unique_ptr<services::Subscription> members_;
  std::mutex mutex_;  // of the thread's sleep
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace ox::database
