// The judge of reads from a replica is shown a bad one.
#include "position_load.h"

#include <doctest/doctest.h>

using ox::sim::judgeReplica;

TEST_CASE("a replica that lacks an answered change is told") {
  CHECK(judgeReplica(7, 7).empty());
  CHECK(judgeReplica(8, 7).empty());
  CHECK(judgeReplica(6, 7) == "a replica at 6 was read after change 7 had been answered");
}
