// The largest set of members that all reach each other.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.h"
#include "membership/full_mesh.h"

using namespace ox;
using namespace ox::grid;

namespace {
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

std::string shown(const std::vector<bool>& set) {
  std::string text;
  for (const bool in : set) text += in ? '1' : '0';
  return text;
}

bool sound(const std::vector<bool>& set, const Pairs& broken) {
  return std::none_of(broken.begin(), broken.end(), [&](const auto& p) {
    return p.first != p.second && set[p.first] && set[p.second];
  });
}

// Every subset, for small clusters.
std::vector<bool> bySearch(std::size_t n, const Pairs& broken) {
  std::vector<bool> best;
  std::size_t bestSize = 0;
  for (std::size_t bits = 0; bits < (std::size_t{1} << n); ++bits) {
    std::vector<bool> set(n);
    for (std::size_t i = 0; i < n; ++i) set[i] = (bits >> i & 1) != 0;
    if (!sound(set, broken)) continue;
    const auto size = static_cast<std::size_t>(std::count(set.begin(), set.end(), true));
    if (best.empty() || size > bestSize || (size == bestSize && set > best)) {
      best = set;
      bestSize = size;
    }
  }
  return best;
}
}  // namespace

TEST_CASE("one broken pair costs the younger of the two") {
  CHECK(shown(largestFullMesh(3, {})) == "111");
  CHECK(shown(largestFullMesh(3, {{0, 1}})) == "101");
  CHECK(shown(largestFullMesh(3, {{2, 1}, {1, 2}, {1, 1}})) == "110");
}

TEST_CASE("who has lost most goes, even the oldest") {
  CHECK(shown(largestFullMesh(5, {{0, 1}, {0, 2}, {0, 3}})) == "01111");
  // Two halves of equal size: the one of the oldest.
  CHECK(shown(largestFullMesh(4, {{0, 1}, {0, 3}, {2, 1}, {2, 3}})) == "1010");
  // Three against two.
  CHECK(shown(largestFullMesh(5, {{0, 1}, {0, 3}, {0, 4}, {2, 1}, {2, 3}, {2, 4}})) == "01011");
}

TEST_CASE("the answer is the largest and, of equals, the oldest: against all subsets") {
  SeededRandom random(5);
  for (int round = 0; round < 300; ++round) {
    const std::size_t n = 2 + random.below(9);
    Pairs broken;
    for (std::size_t i = random.below(2 * n); i > 0; --i)
      broken.emplace_back(random.below(n), random.below(n));
    CHECK(shown(largestFullMesh(n, broken)) == shown(bySearch(n, broken)));
  }
}

TEST_CASE("a hopeless network of a thousand members is answered soundly and soon") {
  SeededRandom random(6);
  Pairs broken;
  for (int i = 0; i < 20'000; ++i) broken.emplace_back(random.below(1000), random.below(1000));
  const auto set = largestFullMesh(1000, broken);
  CHECK(sound(set, broken));
  CHECK(std::count(set.begin(), set.end(), true) > 50);
}
