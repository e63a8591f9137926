// One member of the grid as a process of its own, told by lines what to do (process.h).
//
// Threads:   commands run on the main thread; workloads say themselves where they run.
// Ownership: MemberUnderTest owns shards, workers and the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine.h"

namespace ox::bench {

inline constexpr const char* kMap = "bench";          // one synchronous backup
inline constexpr const char* kSessions = "sessions";  // one synchronous backup, three indexes

struct MemberUnderTest {
  std::shared_ptr<net::ShardSet> shards;
  std::shared_ptr<net::Workers> workers;
  std::unique_ptr<grid::Engine> engine;

  std::shared_ptr<services::GridMap> map(const std::string& name) const {
    return engine->map(name);
  }
};

// "member [--shards N] [--node PORT]... [--throttle BYTES_PER_SECOND]"; until its input ends.
int memberMain(const std::vector<std::string>& arguments);

}  // namespace ox::bench
