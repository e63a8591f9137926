#include "linear.h"

namespace ox::sim {

void Linear::reset(const std::vector<Value>& values) {
  states_.clear();
  for (const Value& v : values) states_.insert({v, {}});
  open_.clear();
  abandoned_.clear();
  undecided_ = false;
}

// What the operation does to a key that holds `before`; false when its answer (if it is to be
// looked at) says otherwise.
bool Linear::explains(const Op& op, const Value& before, bool checked, Value& after) const {
  bool applied = true;
  bool tellsFormer = false;
  after = before;
  switch (op.kind) {
    case MapOp::kGet:
      applied = op.applied;
      tellsFormer = true;
      break;
    case MapOp::kContainsKey:
      applied = before.has_value();
      break;
    case MapOp::kSet:
      after = op.value;
      break;
    case MapOp::kPut:
      tellsFormer = true;
      after = op.value;
      break;
    case MapOp::kPutIfAbsent:
      tellsFormer = true;
      applied = !before;
      if (applied) after = op.value;
      break;
    case MapOp::kReplace:
      tellsFormer = true;
      applied = before.has_value();
      if (applied) after = op.value;
      break;
    case MapOp::kReplaceIfSame:
      applied = before && *before == op.expected;
      if (applied) after = op.value;
      break;
    case MapOp::kRemove:
      tellsFormer = true;
      applied = before.has_value();
      after = std::nullopt;
      break;
    case MapOp::kRemoveIfSame:
      applied = before && *before == op.expected;
      if (applied) after = std::nullopt;
      break;
    case MapOp::kTouch:
      applied = before.has_value();
      break;
  }
  if (!checked) return true;
  return applied == op.applied && (!tellsFormer || op.former == before);
}

// Whatever fits and changes nothing is best placed at once.
void Linear::readsOf(State& state) const {
  Value after;
  for (const std::size_t i : open_)
    if (state.done.count(i) == 0 && explains((*ops_)[i], state.value, true, after) &&
        after == state.value)
      state.done.insert(i);
}

void Linear::begin(std::size_t op) {
  if ((*ops_)[op].outcome == Outcome::kRefused) return;
  if ((*ops_)[op].ended == kNever) {
    if ((*ops_)[op].write()) abandoned_.insert(op);
    return;
  }
  open_.insert(op);
  std::set<State> now;
  for (State s : states_) {
    readsOf(s);
    now.insert(std::move(s));
  }
  states_ = std::move(now);
}

void Linear::abandon(std::size_t op) {
  if (open_.erase(op) == 0) return;
  if ((*ops_)[op].write()) abandoned_.insert(op);
  else {
    std::set<State> now;
    for (State s : states_) {
      s.done.erase(op);
      now.insert(std::move(s));
    }
    states_ = std::move(now);
  }
}

bool Linear::end(std::size_t op) {
  if (open_.count(op) == 0) return true;  // refused, or abandoned
  std::set<State> done;
  std::set<State> seen;
  std::vector<State> todo(states_.begin(), states_.end());
  while (!todo.empty() && !undecided_) {
    State s = std::move(todo.back());
    todo.pop_back();
    if (!seen.insert(s).second) continue;
    if (s.done.count(op) != 0) {
      s.done.erase(op);
      done.insert(std::move(s));
      continue;
    }
    for (const auto* list : {&open_, &abandoned_})
      for (const std::size_t i : *list) {
        if (s.done.count(i) != 0) continue;
        State next = s;
        if (!explains((*ops_)[i], s.value, list == &open_, next.value)) continue;
        // One that never ends and changes nothing explains nothing.
        if (list == &abandoned_ && next.value == s.value) continue;
        next.done.insert(i);
        readsOf(next);
        todo.push_back(std::move(next));
      }
    undecided_ = seen.size() > kMaxStates;
  }
  open_.erase(op);
  if (undecided_) return true;
  states_ = std::move(done);
  return !states_.empty();
}

std::vector<Value> Linear::values() const {
  std::set<Value> values;
  for (const State& s : states_) values.insert(s.value);
  return {values.begin(), values.end()};
}

}  // namespace ox::sim
