// Clock: the only way to the time. Injected everywhere, so that the simulator can own it.
// Threads: implementations must be callable from any thread.
#pragma once

#include <cstdint>

namespace ox {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, nanoseconds from an arbitrary start. For time-outs and durations.
  virtual std::int64_t steadyNanos() const = 0;
  // Milliseconds since 1970 UTC; may jump. For what is stored or shown.
  virtual std::int64_t wallMillis() const = 0;

  std::int64_t steadyMillis() const { return steadyNanos() / 1'000'000; }
};

// The machine's clocks; lives for the whole process.
Clock& systemClock();

}  // namespace ox
