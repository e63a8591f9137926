// Judge: a recorded history against the promise table (docs/operating/promises.md).
//
// Purpose: per key, from the first operation to the last:
//          - one cluster (also through crashes, resets, pauses): linearizable;
//          - cut in two: each side by itself linearizable, from what it holds a copy of;
//          - from the healing until everything has settled again, and while the cut makes no two
//            sides: no value that nobody wrote;
//          - settled: the newest of the acknowledged writes, by the members' clocks, or one that
//            may be newer (clocks are known to `clockErrorMillis`); from there linearizable again.
// Errors:  the answer names key, time, what was read and what would have been right.
// Test:    tests/sim/checker_test.cpp feeds it bad histories.
#pragma once

#include <cstdint>
#include <string>

#include "history.h"

namespace ox::sim {

struct JudgeSettings {
  std::int64_t clockErrorMillis = 0;
  // After a split any side's newest write may have won (merge policies other than latest update).
  bool anySideWins = false;
};

struct Verdict {
  std::string wrong;          // empty = explained
  std::size_t undecided = 0;  // keys whose search was given up
};

Verdict judge(const History& history, const JudgeSettings& settings);
// Values the key may have after everything has settled, of the operations begun before `order`.
std::vector<Value> newest(const std::vector<Op>& ops, std::uint64_t order,
                          const JudgeSettings& settings, const History& history);

}  // namespace ox::sim
