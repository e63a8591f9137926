// The largest set of members each of which reaches each other one: who stays in the cluster when
// some pairs cannot talk to each other.
//
// Purpose: pure function of a graph; the same input gives the same answer on every member.
// Method:  only members with a broken pair are in question. Of those the largest set without a
//          broken pair inside is searched exactly (branching on the member with most broken pairs,
//          bounded by kMaxMeshSteps); beyond the bound the members with most broken pairs go first.
// Ties:    the set with the oldest member, then with the second oldest that differs, and so on.
// Threads: none.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace ox::grid {

inline constexpr std::size_t kMaxMeshSteps = 20'000;

// Members 0..count-1, oldest first; `broken`: pairs that do not reach each other (order and
// repetition do not matter). Answer: who stays.
std::vector<bool> largestFullMesh(std::size_t count,
                                  const std::vector<std::pair<std::size_t, std::size_t>>& broken);

}  // namespace ox::grid
