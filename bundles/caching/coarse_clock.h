// CoarseClock: the machine's clocks as of the last tick of the kernel, some milliseconds old at most. Reading
// it costs a few nanoseconds where the exact one costs up to eighty, more than all the rest of a cached get.
// Threads: any; lives for the whole process. Same base as systemClock(), so that times may be compared.
#pragma once

#include <time.h>

#include "base/clock.h"

namespace ox::caching {

class CoarseClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override { return read(CLOCK_MONOTONIC_COARSE); }
  std::int64_t wallMillis() const override { return read(CLOCK_REALTIME_COARSE) / 1'000'000; }

 private:
  static std::int64_t read(clockid_t which) {
    timespec t{};
    clock_gettime(which, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  }
};

inline Clock& coarseClock() {
  static CoarseClock clock;
  return clock;
}

}  // namespace ox::caching
