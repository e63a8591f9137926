#include "history.h"

#include <algorithm>

namespace ox::sim {

std::size_t History::begin(const std::string& key, Value value) {
  auto& writes = keys_[key];
  writes.push_back({std::move(value), Outcome::kPending});
  return writes.size() - 1;
}

void History::finish(const std::string& key, std::size_t number, Outcome outcome) {
  keys_.at(key).at(number).outcome = outcome;
}

std::vector<Value> History::allowed(const std::string& key) const {
  std::vector<Value> values;
  const auto found = keys_.find(key);
  if (found != keys_.end())
    for (auto w = found->second.rbegin(); w != found->second.rend(); ++w) {
      if (w->outcome == Outcome::kRefused) continue;
      values.push_back(w->value);
      if (w->outcome == Outcome::kAcknowledged) return values;
    }
  values.push_back(std::nullopt);  // nothing was ever acknowledged
  return values;
}

std::string History::judgeRead(const std::string& key, const Value& read) const {
  const std::vector<Value> may = allowed(key);
  if (std::find(may.begin(), may.end(), read) != may.end()) return {};
  const auto show = [](const Value& v) { return v ? "'" + *v + "'" : std::string("nothing"); };
  const auto found = keys_.find(key);
  bool written = !read;
  if (found != keys_.end())
    for (const Write& w : found->second) written = written || w.value == read;
  std::string text = "key " + key + " reads " + show(read) + ", allowed:";
  for (const Value& v : may) text += " " + show(v);
  return text + (written ? " (an acknowledged write is lost)" : " (a value nobody wrote)");
}

}  // namespace ox::sim
