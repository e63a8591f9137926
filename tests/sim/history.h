// History: what clients did to each key, when, and what they were told.
//
// Purpose: recorded while a scenario runs, judged at its end (judge.h). Operations of several
//          clients on one key overlap; each value is written once.
// Units:   `order` numbers every begin and end in the order in which they happened; times are
//          simulated microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/grid.h"

namespace ox::sim {

using Value = std::optional<std::string>;  // nothing = removed or never written
using services::MapOp;

enum class Outcome { kPending, kAcknowledged, kRefused, kIndeterminate };

inline constexpr std::uint64_t kNever = UINT64_MAX;

struct Op {
  MapOp kind = MapOp::kGet;
  std::string value;     // what it writes
  std::string expected;  // replaceIfSame, removeIfSame
  int place = 0;         // number of the address of the asked member
  std::uint64_t began = 0, ended = kNever;  // order
  std::int64_t beganAt = 0, endedAt = INT64_MAX;
  Outcome outcome = Outcome::kPending;
  bool applied = false;  // of the answer
  Value former;          // of the answer

  bool write() const { return kind != MapOp::kGet && kind != MapOp::kContainsKey; }
  // Acknowledged, and it changed something.
  bool effective() const { return outcome == Outcome::kAcknowledged && write() && applied; }
  bool maybe() const {
    return write() && (outcome == Outcome::kPending || outcome == Outcome::kIndeterminate);
  }
  // What the key holds after it took effect.
  Value after() const {
    return kind == MapOp::kRemove || kind == MapOp::kRemoveIfSame ? Value{} : Value{value};
  }
};

// What the network did to the members, as far as promises depend on it.
struct Mark {
  enum class Kind {
    kCut,       // fully, in two: places below `half` and the others
    kDisorder,  // something is cut in a way that makes no two sides
    kHeal,
    kSettled,   // one cluster again, everything merged
  };
  Kind kind = Kind::kSettled;
  std::uint64_t order = 0;
  std::int64_t at = 0;
  int half = 0;
  // kCut: does the side (0, 1) hold a copy of the key's partition? nothing = unclear.
  std::map<std::string, std::optional<bool>> copies[2];
};

class History {
 public:
  // Returns the number of the operation, for end().
  std::size_t begin(const std::string& key, Op op, std::int64_t now);
  // Value and applied as answered.
  void end(const std::string& key, std::size_t number, Outcome outcome, bool applied, Value former,
           std::int64_t now);
  void mark(Mark mark, std::int64_t now);

  const std::map<std::string, std::vector<Op>>& all() const { return keys_; }
  const std::vector<Mark>& marks() const { return marks_; }

 private:
  std::uint64_t order_ = 0;
  std::map<std::string, std::vector<Op>> keys_;
  std::vector<Mark> marks_;
};

}  // namespace ox::sim
