// Linear: is there an order of overlapping operations on one key that explains every answer?
//
// Purpose: the search behind judge.h (source: "just-in-time linearization", Lowe, Testing for
//          linearizability): walks the history in time and keeps every state that the key may be
//          in, each with the operations under way that have already taken effect in it.
// Bounds:  kMaxStates states at once; beyond it the key is `undecided` from there on.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "history.h"

namespace ox::sim {

class Linear {
 public:
  static constexpr std::size_t kMaxStates = 20000;

  explicit Linear(const std::vector<Op>& ops) : ops_(&ops) { reset({Value{}}); }
  // Begins anew with these values; operations under way are forgotten.
  void reset(const std::vector<Value>& values);
  void begin(std::size_t op);
  // The answer of the operation has come. False = nothing explains it.
  bool end(std::size_t op);
  // Its answer is not looked at and it may take effect at any time, or never.
  void abandon(std::size_t op);
  std::vector<Value> values() const;  // that the key may have now
  bool undecided() const { return undecided_; }

 private:
  struct State {
    Value value;
    std::set<std::size_t> done;  // operations under way that took effect
    auto operator<=>(const State&) const = default;
  };
  bool explains(const Op& op, const Value& before, bool checked, Value& after) const;
  void readsOf(State& state) const;

  const std::vector<Op>* ops_;
  std::set<State> states_;
  std::set<std::size_t> open_;       // under way, with an answer to explain
  std::set<std::size_t> abandoned_;
  bool undecided_ = false;
};

}  // namespace ox::sim
