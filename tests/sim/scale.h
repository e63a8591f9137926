// Scale: what a cluster of N members costs: messages and bytes per join, per crash, per steady second, size
// of the view, longest pause. Same cores, same network as the scenarios; one seed, one table.
#pragma once

#include <cstdint>
#include <string>

namespace ox::sim {

// Writes docs/scale.md's table (to standard output) and the plot (to `svgPath`, empty = none) for up to
// `mostMembers`. Exit code.
int runScale(std::uint64_t seed, int mostMembers, const std::string& svgPath);

}  // namespace ox::sim
