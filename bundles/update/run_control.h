// RunControl: how a run is told to end early, by an administrator or by the clock.
//
// Purpose:   a run looks here before each task; what has begun is finished (or killed by
//            Runner::abort), what has not stays pending and can be run any time later.
// Threads:   any.
// Units:     until = ms since 1970 by this node's clock; 0 = no end.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace ox::update {

enum class StopReason : std::uint8_t { kNone, kPaused, kWindowOver, kAborted };
const char* stopWord(StopReason reason);  // "", "paused", "window over", "aborted"

class RunControl {
 public:
  void pause(bool on) { paused_ = on; }
  void abort() { aborted_ = true; }
  void setUntil(std::int64_t wallMillis) { until_ = wallMillis; }
  // Tasks that failed before count as pending (runallupdate --retry).
  void retryFailed(bool on) { retryFailed_ = on; }
  bool retriesFailed() const { return retryFailed_; }
  bool aborted() const { return aborted_; }
  StopReason reason(Clock& clock) const;

 private:
  std::atomic<bool> paused_{false};
  std::atomic<bool> aborted_{false};
  std::atomic<bool> retryFailed_{false};
  std::atomic<std::int64_t> until_{0};
};

// "HH:MM", the next time the node's wall clock shows it after `now`. RUN-0004 names what is
// allowed.
Result<std::int64_t> nextTimeOfDay(const std::string& text, std::int64_t nowWallMillis);

}  // namespace ox::update
