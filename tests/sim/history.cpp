#include "history.h"

namespace ox::sim {

std::size_t History::begin(const std::string& key, Op op, std::int64_t now) {
  op.began = ++order_;
  op.beganAt = now;
  auto& ops = keys_[key];
  ops.push_back(std::move(op));
  return ops.size() - 1;
}

void History::end(const std::string& key, std::size_t number, Outcome outcome, bool applied,
                  Value former, std::int64_t now) {
  Op& op = keys_.at(key).at(number);
  op.outcome = outcome;
  op.applied = applied;
  op.former = std::move(former);
  if (outcome == Outcome::kIndeterminate) return;  // it may still take effect: it never ends
  op.ended = ++order_;
  op.endedAt = now;
}

void History::mark(Mark mark, std::int64_t now) {
  mark.order = ++order_;
  mark.at = now;
  marks_.push_back(std::move(mark));
}

}  // namespace ox::sim
