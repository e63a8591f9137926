// Engine: one member of the grid with real sockets and threads around the two pure cores.
//
// Purpose:   owns the control thread (ControlCore, accepting, control links) and, on each data
//            shard, a lane (ShardCore, data links); offers services::Grid.
// Threads:   start(), stop() from one thread that is no shard; the Grid methods from any thread.
//            Topic and membership listeners run on engine threads and must not block.
// Ownership: the shards and workers must outlive stop().
// Bounds:    kMaxPosted operations of local callers wait per lane; messages queued between lanes
//            kMaxForwardedBytes (beyond, the reading link pauses); kMaxHandshakes at once.
// Errors:    start(): kNetBind. Operations after stop(): kShutdown.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config.h"
#include "map/record.h"
#include "discovery/discovery.h"
#include "membership/control_core.h"
#include "net/shard.h"
#include "partition/shard_core.h"
#include "net/workers.h"
#include "services/grid.h"

namespace ox::grid {

inline constexpr std::size_t kMaxPosted = 100'000;
inline constexpr std::size_t kMaxHandshakes = 256;
inline constexpr std::int64_t kLaneTickMillis = 10;
inline constexpr std::int64_t kSoonMillis = 2;         // from a control message to the next tick
inline constexpr std::int64_t kFirstLookMillis = 10'000;  // a start waits so long for discovery
inline constexpr int kMigrationsPerMember = 32;        // at once; a join settles below a second
inline constexpr std::int64_t kJoinWaitMillis = 10'000;  // a start goes on without after that
inline constexpr std::int64_t kPauseMillis = 1000;     // a control tick this late is a pause

// Figures for metrics and MBeans; each is a snapshot.
struct EngineFigures {
  std::uint64_t accepted = 0;
  std::uint64_t unknownProtocol = 0;
  std::uint64_t silent = 0;
  std::uint64_t tooMany = 0;
  std::vector<std::pair<std::string, std::uint64_t>> refused;  // by reason
  std::uint64_t badMessages = 0;
  std::uint64_t linkResets = 0;
  std::uint64_t pauses = 0;
  std::int64_t longestPauseMillis = 0;
  std::size_t controlLinks = 0;
  bool encrypted = false;
  std::int64_t certificateUntilMillis = 0;  // 0 = links without certificates
  std::uint64_t unsyncedReplicas = 0;
  std::uint64_t ownedEntries = 0;
  ShardFigures data;  // sums over the shards
  std::map<std::string, services::MergeStats> merges;  // by map, since the start
};

class Engine final : public services::Grid {
 public:
  // `shards` are shared with others and not stopped here.
  Engine(GridConfig config, std::shared_ptr<net::ShardSet> shards,
         std::shared_ptr<net::Workers> workers, Clock& clock = systemClock());
  ~Engine() override;

  Status start();
  // Waits until the member is in a cluster; false when it still is not after that long.
  bool waitJoined(std::int64_t millis);
  // Hands everything over, leaves, then closes. False when the leave did not finish in time
  // (never after handOverWithoutBound()).
  bool stop();
  // Ends without a word to the others, as a crash does (tests).
  void abandon();
  // Changed lists of nodes or names, from a reload; not from a shard.
  void setDiscovery(const DiscoverySettings& settings);
  const DiscoveryCounters& discovered() const;  // once started
  std::uint64_t sourcePortsExhausted() const;
  // Reads the certificates again, for links made from now on. The kind of encryption cannot change
  // while the member runs; what cannot be used is logged, and the former certificates stay.
  void reloadEncryption(const config::Config& after);

  Address address() const;      // where others reach this member
  MemberId id() const;
  std::string instanceName() const;  // "_hzInstance_1_<cluster name>"
  const GridConfig& config() const;
  EngineFigures figures() const;
  std::vector<std::shared_ptr<services::GridTopic>> topics() const;

  std::shared_ptr<services::GridMap> map(const std::string& name) override;
  std::shared_ptr<services::GridTopic> topic(const std::string& name) override;
  Result<std::shared_ptr<services::GridRingbuffer>> ringbuffer(const std::string& name) override;
  Result<std::shared_ptr<services::GridReliableTopic>> reliableTopic(
      const std::string& name) override;
  Result<std::shared_ptr<services::GridExecutor>> executor() override;
  std::string discoverMapName(const std::string& prefix, const std::string& fallback) override;
  services::GridState state() const override;
  std::optional<services::GridMember> ownerOf(BytesView key) const override;
  std::vector<std::string> mapNames() const override;
  Status registerProcessor(const std::string& name, services::EntryProcessor processor) override;
  std::vector<std::string> topicNames() const override;
  std::unique_ptr<services::Subscription> onMembershipChange(
      std::function<void(const services::GridState&)> listener) override;
  bool safeWithoutMe() const override;
  void handOverWithoutBound() override;

  struct Impl;  // engine_impl.h

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace ox::grid
