// PlainTopics: every member publishes, every member listens; and the judge of what arrived.
//
// Promise: per publisher and topic in order, nothing twice, nothing invented; what got lost on the
//          way is counted as a gap by the receiver; where nothing breaks nothing is lost.
// Test:    tests/sim/checker_test.cpp feeds the judge bad arrivals.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "world.h"

namespace ox::sim {

struct Arrival {
  std::string source;  // uuid
  std::uint64_t sequence = 0;
  std::string payload;
};

// What one process heard of one topic, in order, and the gaps it counted.
struct Heard {
  std::vector<Arrival> arrivals;
  std::uint64_t gaps = 0;
};
struct PlainMessage {
  std::string payload;
  std::set<std::string> receivers;  // members of the publisher's view
};
using Publications = std::map<std::string, std::vector<PlainMessage>>;  // source -> in order

std::string judgeOrder(const std::string& receiver, const Heard& heard, const Publications& sent);
// Every message lost between two that came is counted.
std::string judgeGaps(const std::string& receiver, const Heard& heard);
// Nothing at all is lost.
std::string judgeComplete(const std::string& receiver, const Heard& heard,
                          const Publications& sent);

class PlainTopics {
 public:
  PlainTopics(World& world, int topics, std::uint64_t seed);
  ~PlainTopics();
  void start();
  void stop();
  // Of all topics; only processes that are alive now are looked at.
  std::string judge(bool gaps, bool complete) const;
  std::size_t published() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ox::sim
