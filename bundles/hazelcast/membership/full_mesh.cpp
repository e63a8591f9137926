#include "membership/full_mesh.h"

#include <algorithm>
#include <set>

namespace ox::grid {
namespace {

class Search {
 public:
  Search(std::size_t count, const std::vector<std::pair<std::size_t, std::size_t>>& broken)
      : without_(count), in_(count, true), conflicts_(count) {
    for (const auto& [a, b] : broken) {
      if (a == b || a >= count || b >= count) continue;
      without_[a].insert(b);
      without_[b].insert(a);
    }
    everybody();
  }

  std::vector<bool> run() {
    greedy();
    best_ = in_;
    bestSize_ = size(best_);
    everybody();
    branch(in_.size());
    return best_;
  }

 private:
  static std::size_t size(const std::vector<bool>& set) {
    return static_cast<std::size_t>(std::count(set.begin(), set.end(), true));
  }
  void everybody() {
    in_.assign(in_.size(), true);
    for (std::size_t i = 0; i < in_.size(); ++i) conflicts_[i] = without_[i].size();
  }
  void set(std::size_t i, bool in) {
    in_[i] = in;
    for (const std::size_t other : without_[i]) in ? ++conflicts_[other] : --conflicts_[other];
  }
  // Member with most broken pairs inside the set, the youngest of equals; count = none.
  std::size_t worst() const {
    std::size_t found = in_.size();
    std::size_t most = 0;
    for (std::size_t i = 0; i < in_.size(); ++i) {
      if (in_[i] && conflicts_[i] > 0 && conflicts_[i] >= most) {
        most = conflicts_[i];
        found = i;
      }
    }
    return found;
  }
  void greedy() {
    for (std::size_t i = worst(); i < in_.size(); i = worst()) set(i, false);
  }

  // in_ holds `left` members. Either the worst one goes, or everybody it does not reach.
  void branch(std::size_t left) {
    if (left < bestSize_ || ++steps_ > kMaxMeshSteps) return;
    const std::size_t i = worst();
    if (i == in_.size()) {
      // vector<bool> compares like a number with the oldest member first.
      if (left > bestSize_ || in_ > best_) {
        best_ = in_;
        bestSize_ = left;
      }
      return;
    }
    set(i, false);
    branch(left - 1);
    set(i, true);
    std::vector<std::size_t> gone;
    for (const std::size_t other : without_[i])
      if (in_[other]) {
        set(other, false);
        gone.push_back(other);
      }
    branch(left - gone.size());
    for (const std::size_t other : gone) set(other, true);
  }

  std::vector<std::set<std::size_t>> without_;
  std::vector<bool> in_, best_;
  std::vector<std::size_t> conflicts_;  // broken pairs with members that are in
  std::size_t bestSize_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace

std::vector<bool> largestFullMesh(std::size_t count,
                                  const std::vector<std::pair<std::size_t, std::size_t>>& broken) {
  return Search(count, broken).run();
}

}  // namespace ox::grid
