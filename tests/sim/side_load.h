// SideLoad: one feature of the grid used and judged beside whatever else a scenario does.
//
// Purpose:   `command` is called with the words behind the load's name; an answer is what is wrong.
// Ownership: the world outlives the load; what it has posted there holds its state.
// Loads:     policies (policy_load.cpp), limits (limit_load.cpp), tasks (task_load.cpp),
//            listeners (listener_load.cpp), discovery (discovery_load.cpp), sessions
//            (session_load.cpp), caches (cache_load.cpp), tokens (token_load.cpp), positions (position_load.cpp).
//            Commands: README.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "world.h"

namespace ox::sim {

class SideLoad {
 public:
  using Words = std::vector<std::string>;
  virtual ~SideLoad() = default;
  virtual std::string command(const Words& words) = 0;
};

std::unique_ptr<SideLoad> makePolicies(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeLimits(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeTasks(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeListeners(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeDiscovery(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeSessions(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeCaches(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makeTokens(World& world, std::uint64_t seed);
std::unique_ptr<SideLoad> makePositions(World& world, std::uint64_t seed);

// Maps of these loads; every data side has them configured.
inline constexpr const char* kPolicyMaps[] = {"latest-update", "put-if-absent", "higher-hits",
                                              "pass-through", "discard"};
inline constexpr const char* kProtectedMap = "protected";
inline constexpr const char* kTokenMap = "serverTokenMap";

// One operation through one member, waiting for its answer; the end of the process is one, too.
using MapAnswer = Result<services::MapReply>;
MapAnswer askNow(World& world, SimMember& member, const std::string& map, services::MapOp op,
                 const std::string& key, const std::string& value = {});
// Members that are joined, by the master of their view.
std::map<MemberId, std::vector<SimMember*>> clusters(World& world);
// Each cluster by itself is at rest: only living members, nothing moving, no replica behind.
bool atRest(World& world);

}  // namespace ox::sim
