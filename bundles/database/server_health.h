// ServerHealth: which databases do not answer now, so that reads need not find out again each time.
//
// Purpose:  a server that failed is left alone for kRestMillis, then one caller tries it; one WARN when it
//           goes, one INFO when it is back.
// Threads:  any. Limits: as many entries as databases were asked for.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"

namespace ox::database {

class ServerHealth {
 public:
  static constexpr std::int64_t kRestMillis = 2'000;

  explicit ServerHealth(Clock& clock) : clock_(clock) {}
  // False while the server rests after a failure. True for one caller at a time after that.
  bool mayTry(std::int32_t databaseId);
  // What came of a try. `role` and `meanwhile` are for the log: who does not answer, and what is done instead.
  void answered(std::int32_t databaseId, bool ok, const std::string& role = {},
                const std::string& meanwhile = {}, const std::string& why = {});
  std::size_t down() const;

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::int32_t, std::int64_t> down_;  // when to try again
};

}  // namespace ox::database
