// Whether a database host can take more work now.
//
// Purpose:   before each schema a job looks at the master's running threads and at the lag of the
//            host's replicas, as the administrator bounded them.
// Threads:   any; asks the servers on the caller's thread. Answers are kept kThrottleKeepMillis.
// Errors:    none: a master or replica that cannot answer is a reason to wait, and the text says so.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "services/database.h"

namespace ox::update {

inline constexpr std::int64_t kThrottleKeepMillis = 1000;

class Throttle {
 public:
  Throttle(services::DatabaseService& database, std::int64_t maxLagSeconds,
           std::int64_t maxRunning, Clock& clock = systemClock())
      : database_(database), maxLag_(maxLagSeconds), maxRunning_(maxRunning), clock_(clock) {}

  // Empty = go on; else why to wait, for the operator.
  std::string reason(std::int32_t poolId);

 private:
  std::string ask(std::int32_t poolId);
  std::string lagReason(std::int32_t replica);

  services::DatabaseService& database_;
  const std::int64_t maxLag_;
  const std::int64_t maxRunning_;
  Clock& clock_;
  std::mutex mutex_;
  struct Answer {
    std::string reason;
    std::int64_t at = 0;
  };
  std::map<std::int32_t, Answer> answers_;
};

}  // namespace ox::update
