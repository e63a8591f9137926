// When a run ends early: the reasons in their order, and the time of day of --until.
#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

#include "run_control.h"

using namespace ox;
using namespace ox::update;

namespace {
struct FixedClock final : Clock {
  std::int64_t wall = 1'000'000;
  std::int64_t steadyNanos() const override { return 0; }
  std::int64_t wallMillis() const override { return wall; }
};
struct UtcZone {
  UtcZone() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  ~UtcZone() {
    unsetenv("TZ");
    tzset();
  }
};
constexpr std::int64_t kMinute = 60'000;
}  // namespace

TEST_CASE("pause can be taken back, the window and an abort cannot") {
  FixedClock clock;
  RunControl control;
  CHECK(control.reason(clock) == StopReason::kNone);
  control.pause(true);
  CHECK(control.reason(clock) == StopReason::kPaused);
  control.pause(false);
  CHECK(control.reason(clock) == StopReason::kNone);
  control.setUntil(1'000'001);
  CHECK(control.reason(clock) == StopReason::kNone);
  clock.wall = 1'000'001;
  CHECK(control.reason(clock) == StopReason::kWindowOver);
  control.abort();
  CHECK(control.reason(clock) == StopReason::kAborted);
}

TEST_CASE("HH:MM is the next such time, today or tomorrow") {
  UtcZone zone;
  const std::int64_t noon = 12 * 60 * kMinute;  // of 1970-01-01
  CHECK(*nextTimeOfDay("12:01", noon) == noon + kMinute);
  CHECK(*nextTimeOfDay("12:00", noon) == noon + 24 * 60 * kMinute);
  CHECK(*nextTimeOfDay("00:30", noon) == 24 * 60 * kMinute + 30 * kMinute);
  for (const char* wrong : {"", "12", "24:00", "12:60", "1:00", "12:0", "12:000", "ab:cd", "-1:00"})
    CHECK_FALSE(nextTimeOfDay(wrong, noon).ok());
}
