// Words of the benches' rows.
//
// Threads: pure functions.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace ox::bench {

inline std::string text(const char* format, double a, double b = 0, double c = 0) {
  char out[200];
  std::snprintf(out, sizeof out, format, a, b, c);
  return out;
}

// A yardstick whose own turns differ twofold makes an error row; nothing when they do not.
inline std::string unsteady(const char* what, const std::vector<double>& turns) {
  const auto [least, most] = std::minmax_element(turns.begin(), turns.end());
  if (turns.empty() || *most <= 2 * *least) return {};
  return std::string("the turns of ") + what + text(" differ twofold: %.0f - %.0f", *least, *most);
}

}  // namespace ox::bench
