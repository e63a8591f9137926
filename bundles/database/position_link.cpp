#include "position_link.h"

#include <chrono>

#include "base/log.h"

namespace ox::database {
Result<std::unique_ptr<PositionLink>> PositionLink::make(std::shared_ptr<services::Grid> grid,
                                                         PositionSettings settings, Clock& clock) {
  std::shared_ptr<services::GridMap> map;
  if (grid) {
    if (auto known = grid->registerProcessor(kRaiseProcessor, raisePosition); !known)
      return known.error();
    map = grid->map(kPositionsMap);
  }
  auto positions = std::make_shared<ReplicaPositions>(std::move(map), clock, settings);
  std::unique_ptr<PositionLink> link(new PositionLink(std::move(grid), std::move(positions)));
  if (link->grid_) link->start();
  return link;
}

PositionLink::~PositionLink() { stop(); }

// Asked and told under one lock, so that no older state follows a newer one.
void PositionLink::tell() {
  std::lock_guard lock(telling_);
  const services::GridState state = grid_->state();
  std::map<std::string, std::string> members;
  for (const auto& member : state.members)
    members[member.host + ":" + std::to_string(member.port)] = member.uuid;
  positions_->membersAre(state.joined, members, state.safe);
}

void PositionLink::start() {
  members_ = grid_->onMembershipChange([this](const services::GridState&) { tell(); });
  thread_ = std::jthread([this](const std::stop_token& stop) {
    log::setThreadName("db-positions");
    std::unique_lock lock(mutex_);
    do {
      lock.unlock();
      tell();
      positions_->tick();
      lock.lock();
    } while (!wake_.wait_for(lock, stop, std::chrono::milliseconds(kTickMillis),
                             [&] { return stop.stop_requested(); }));
  });
}

void PositionLink::stop() {
  members_.reset();
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace ox::database
