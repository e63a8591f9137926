// FeatureLoad: entry processors, locks and entry listeners under whatever the scenario does; judge.
//
// Judged:   every acknowledged run of the processor is in the value exactly once, no other more than once;
//           no two callers of one cluster hold a lock at the same time, and writes of others to a
//           locked key wait until it is free; a listener hears every
//           acknowledged change of the time it was registered, in order, or a gap of the partition.
// Commands: features on | off | judge | locks-loose (two sides serve: locks are not judged)
#pragma once

#include <memory>
#include <string>

#include "world.h"

namespace ox::sim {

class FeatureLoad {
 public:
  FeatureLoad(World& world, std::uint64_t seed);
  ~FeatureLoad();
  std::string command(const std::string& word);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ox::sim
