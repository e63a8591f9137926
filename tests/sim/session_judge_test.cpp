// The judge of values of a session: what it must accept and what it must refuse.
#include <doctest/doctest.h>

#include "session_load.h"

using ox::sim::explainRead;
using ox::sim::SessionWrite;

TEST_CASE("a value is the newest acknowledged one, one at the same time, or one never answered") {
  const std::vector<SessionWrite> writes{{"a", 10, 20}, {"b", 30, 40}, {"c", 35, -1}};
  CHECK(explainRead(writes, "b", 50, 60).empty());
  CHECK(explainRead(writes, "c", 50, 60).empty());
  CHECK_FALSE(explainRead(writes, "a", 50, 60).empty());
  CHECK_FALSE(explainRead(writes, "", 50, 60).empty());
  CHECK_FALSE(explainRead(writes, "z", 50, 60).empty());
  // while b was written both may be seen
  CHECK(explainRead(writes, "a", 32, 38).empty());
  CHECK(explainRead(writes, "b", 32, 38).empty());
  // from the future
  CHECK_FALSE(explainRead(writes, "b", 15, 25).empty());
}

TEST_CASE("writes side by side may stay in any order") {
  const std::vector<SessionWrite> writes{{"a", 10, 30}, {"b", 20, 25}};
  CHECK(explainRead(writes, "a", 50, 60).empty());
  CHECK(explainRead(writes, "b", 50, 60).empty());
  CHECK(explainRead({}, "", 1, 2).empty());
}
