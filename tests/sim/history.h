// History: what clients did to each key and what they were told; and the judge of it.
//
// Purpose: the invariant of the workload: the last acknowledged write of a key, or an
//          indeterminate one begun after it, is what is read; nothing is read that was never
//          written. One client at a time works on one key, so its operations are in order.
// Test:    tests/sim/checker_test.cpp feeds it bad histories.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ox::sim {

using Value = std::optional<std::string>;  // nothing = removed or never written

enum class Outcome { kPending, kAcknowledged, kRefused, kIndeterminate };

struct Write {
  Value value;
  Outcome outcome = Outcome::kPending;
};

class History {
 public:
  // Returns the number of the write, for finish().
  std::size_t begin(const std::string& key, Value value);
  void finish(const std::string& key, std::size_t number, Outcome outcome);
  // A read that began after every finished write of the key and overlapped none. Empty = sound.
  std::string judgeRead(const std::string& key, const Value& read) const;
  // Values the key may have now.
  std::vector<Value> allowed(const std::string& key) const;
  const std::map<std::string, std::vector<Write>>& all() const { return keys_; }

 private:
  std::map<std::string, std::vector<Write>> keys_;
};

}  // namespace ox::sim
