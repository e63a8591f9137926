// How fast a shard copies partitions to others.
#include <doctest/doctest.h>

#include "partition/copy_pace.h"

using namespace ox::grid;

TEST_CASE("without a limit only the making of snapshots is spread over the ticks") {
  CopyPace pace(0);
  pace.tick(1000);
  CHECK(pace.mayStart(kMaxCopiesAtOnce - 1));
  CHECK_FALSE(pace.mayStart(kMaxCopiesAtOnce));
  pace.snapshot(kSnapshotBytesPerTick);
  CHECK_FALSE(pace.mayStart(0));
  CHECK(pace.send(64u << 20));
  pace.tick(1010);
  CHECK(pace.mayStart(0));
}

TEST_CASE("with a limit one copy runs at a time and bytes keep the rate") {
  constexpr std::int64_t kRate = 10 << 20;
  constexpr std::size_t kChunk = 256 << 10;
  CopyPace pace(kRate);
  CHECK_FALSE(pace.mayStart(0));  // before the first tick there is nothing to spend
  std::int64_t sent = 0;
  for (std::int64_t now = 5000; now < 15'000; now += 10) {
    pace.tick(now);
    while (pace.send(kChunk)) sent += kChunk;
  }
  CHECK(sent > 10 * kRate * 95 / 100);
  CHECK(sent < 10 * kRate * 105 / 100);
  CHECK_FALSE(pace.mayStart(0));
  pace.tick(15'100);
  CHECK(pace.mayStart(0));
  CHECK_FALSE(pace.mayStart(1));
}

TEST_CASE("rate that was not used is not saved up") {
  constexpr std::int64_t kRate = 100 << 20;
  CopyPace pace(kRate);
  pace.tick(1000);
  pace.tick(100'000);
  std::int64_t sent = 0;
  while (pace.send(1 << 20)) sent += 1 << 20;
  CHECK(sent <= kRate * kPaceBurstMillis / 1000 + (1 << 20));
}
