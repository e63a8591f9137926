// The judge of cached values: what it must accept and what it must refuse.
#include <doctest/doctest.h>

#include "cache_load.h"

using ox::sim::judgeAge;

TEST_CASE("a value may be read until it was changed longer ago than allowed") {
  const std::vector<ox::sim::Micros> changes{1'000'000, 5'000'000};  // values 1 and 2
  CHECK(judgeAge(changes, 2, 90'000'000, 1'000'000).empty());
  CHECK(judgeAge(changes, 1, 4'000'000, 1'000'000).empty());
  CHECK(judgeAge(changes, 1, 6'000'000, 1'000'000).empty());
  CHECK_FALSE(judgeAge(changes, 1, 6'000'001, 1'000'000).empty());
  // what counts is the first change after it, not the last one
  CHECK_FALSE(judgeAge(changes, 0, 5'500'000, 1'000'000).empty());
  CHECK(judgeAge(changes, 0, 1'500'000, 1'000'000).empty());
  CHECK_FALSE(judgeAge(changes, 3, 6'000'000, 1'000'000).empty());
  CHECK_FALSE(judgeAge(changes, 2, 4'000'000, 1'000'000).empty());  // from the future
  CHECK(judgeAge({}, 0, 1, 0).empty());
}
