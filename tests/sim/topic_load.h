// TopicLoad: publishers and subscribers of one reliable topic on every member, and the judge of what they
// saw: order alike, nothing twice, nothing missing without a gap event.
#pragma once

#include <memory>
#include <string>

#include "world.h"

namespace ox::sim {

class TopicLoad {
 public:
  TopicLoad(World& world, std::uint64_t seed);
  ~TopicLoad();
  // on: publish and subscribe; off: the last messages, until all is read; told, complete: judge.
  // Answers what is wrong, empty = nothing.
  std::string command(const std::string& what);

  // One delivery or gap, as the judge takes it (also fed by checker_test.cpp).
  struct Seen {
    bool gap = false;
    int reason = 0;            // of services::TopicGap
    MemberId source;
    std::int64_t from = 0, to = 0;  // of a gap; a message: its number twice
    std::int64_t sequence = 0;
    Micros at = 0;                  // of a gap: when it was told
    bool operator==(const Seen&) const = default;
  };
  struct Published {
    MemberId source;
    std::int64_t number = 0;
    std::int64_t sequence = -1;  // -1 = not acknowledged
    Micros begun = 0;
  };
  struct Subscriber {
    MemberId member;
    Micros since = -1;  // knows the end of the topic since then
    std::vector<Seen> seen;
  };
  // `complete`: no acknowledged message may be missing at all.
  static std::string judge(const std::vector<Published>& published,
                           const std::vector<Subscriber>& subscribers, bool complete);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ox::sim
