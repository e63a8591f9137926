// SessionNode: the sessions of one simulated member: the daemon's SessionCore and SessionRecords over the
// member's data side. What the bundles do with threads is done with the world's events here.
#pragma once

#include <memory>

#include "session_core.h"
#include "session_records.h"
#include "world.h"

namespace ox::sim {

inline constexpr std::uint64_t kEndingListener = 900;
inline constexpr const char* kSessionTask = "ox.session-notice";

// Life times in simulated seconds instead of hours.
inline constexpr std::int64_t kSimSlotMillis = 1'000;
inline constexpr std::int64_t kSimLifeMillis = 10'000;

class SessionNode {
 public:
  // `newId` gives identifiers that a seed repeats.
  SessionNode(World& world, SimMember& member, std::function<std::string()> newId);

  sessiond::SessionCore& core() { return *core_; }
  sessionstorage::SessionRecords& records() { return *records_; }
  void start();            // listener and tick, for as long as the process lives
  void membersChanged();   // as GridLink: look again when somebody is new, and when copies are made
  std::uint64_t losses() const { return core_->figures().restored; }

 private:
  void tick();
  World& world_;
  const MemberId member_;
  std::shared_ptr<sessionstorage::SessionRecords> records_;
  std::shared_ptr<sessiond::SessionCore> core_;
  bool unsettled_ = false;
};

}  // namespace ox::sim
