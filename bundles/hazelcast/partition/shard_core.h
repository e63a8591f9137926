// ShardCore: the data side of one shard as pure logic: partitions, maps, backups, copying, topics.
//
// Purpose:   told the view, peers and frames; executes operations on owned partitions, forwards
//            the others to their owner, replicates writes, copies partitions on the view's orders.
// Threads:   one (its shard's thread, or the simulator).
// Ownership: the host outlives the core.
// Bounds:    ShardSettings; an operation is answered by its call timeout at the latest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "map/map_config.h"
#include "membership/cluster_view.h"
#include "services/grid.h"
#include "types.h"

namespace ox::grid {

class ContainerRegistry;

class ShardHost {
 public:
  virtual ~ShardHost() = default;
  // On this shard's data link to the member; dropped silently while the link is down.
  virtual void send(const MemberId& to, Bytes frame) = 0;  // kind byte + u16 slot + body
  // To the control core of this member.
  virtual void migrationDone(const ViewId& view, const Migration& migration) = 0;
  virtual void log(int level, const std::string& text) = 0;
  // The shard stood still for too long and has fenced itself: it answers nothing from what it
  // holds until ShardCore::confirmed(). The host asks ControlCore::confirmView().
  virtual void paused() {}
};

struct ShardSettings {
  MemberId self;
  int shardIndex = 0;
  int shardCount = 1;
  std::int64_t callTimeoutMillis = 30000;
  std::int64_t retryMillis = 20;         // pause before an operation is sent again after "wrong target"
  std::int64_t compareMillis = 5000;     // anti-entropy
  std::size_t copyChunkBytes = 256 << 10;
  std::size_t maxPendingOperations = 100000;  // beyond it RUN-0005
  std::int64_t copyBytesPerSecond = 0;   // to other members, by this shard; 0 = no limit
  std::int64_t tombstoneMillis = 3'600'000;  // how long removals are remembered
};

class ShardCore {
 public:
  class Impl;  // shard_impl.h
  ShardCore(ShardSettings settings, std::shared_ptr<const MapConfigs> maps, Clock& clock,
            Random& random, ShardHost& host);
  ~ShardCore();

  void tick();                              // every few milliseconds (10 in the engine)
  void viewInstalled(const ViewPtr& view);  // null: not joined any more
  void peerUp(const MemberId& member);      // data link usable (again)
  void peerDown(const MemberId& member);
  void received(const MemberId& from, BytesView frame);

  // Partition operations of local callers; the key's partition must belong to this shard.
  void execute(const std::string& map, int partition, services::MapRequest request,
               services::Completion<services::MapReply> done);
  // Over this shard's partitions, wherever they are owned. The engine adds the shards up.
  void size(const std::string& map, services::Completion<std::uint64_t> done);
  void entries(const std::string& map, bool withValues,
               services::Completion<std::vector<services::MapEntry>> done);
  void clear(const std::string& map, services::Completion<std::uint64_t> done);
  // A request to a container ("@type:rest", structures/container.h) in a partition of this shard;
  // one that has to wait for a change does so for `waitMillis` at most (bounded by half the call
  // time-out), then the container says that there was none. Types: setContainers(), before use.
  void setContainers(std::shared_ptr<const ContainerRegistry> registry);
  void invoke(const std::string& container, int partition, Bytes request, std::int64_t waitMillis,
              services::Completion<Bytes> done);
  std::uint64_t containerBytes() const;     // owned and backups
  services::MapStats localStats(const std::string& map) const;
  std::vector<std::string> mapNames() const;

  // Topics whose name hashes to this shard. Delivered to local subscribers by `deliver`.
  using Deliver = std::function<void(const std::string& topic, services::TopicMessage message)>;
  void setDeliver(Deliver deliver);
  void publish(const std::string& topic, int slot, Bytes payload);

  std::uint64_t ownedEntries() const;
  services::TopicStats topicStats(const std::string& topic) const;
  std::uint64_t badMessages() const;        // frames refused: undecodable, foreign slot, over a bound
  std::uint64_t unsyncedReplicas() const;   // backups known to lag; 0 = safe on this shard
  // Keep the owned entries and tombstones aside; after the next viewInstalled() with a view they
  // are offered to their owners, which decide by the map's merge policy.
  void keepEntriesForMerge();
  std::uint64_t mergeBacklog() const;  // of these, not answered yet
  // Answer to ShardHost::paused(): the view in force is the newest one again.
  void confirmed();
  // What became of this member's entries in merges since the start, per map.
  std::map<std::string, services::MergeStats> mergeStats() const;
  std::uint64_t tombstones() const;
  std::uint64_t tombstonesDropped() const;  // forgotten before their time, for a bound

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ox::grid
