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
#include "partition/memory_budget.h"
#include "services/grid.h"
#include "services/grid_query.h"
#include "types.h"

namespace ox::grid {

class ContainerRegistry;
class EntryProcessors;
struct QueryPart;

class ShardHost {
 public:
  virtual ~ShardHost() = default;
  // On this shard's data link to the member; dropped silently while the link is down.
  virtual void send(const MemberId& to, Bytes frame) = 0;  // kind byte + u16 slot + body
  // To the control core of this member.
  virtual void migrationDone(const ViewId& view, const Migration& migration) = 0;
  virtual void log(int level, const std::string& text) = 0;  // -1 debug, 0 info, 1 warn, 2 error
  // The shard stood still for too long and has fenced itself: it answers nothing from what it
  // holds until ShardCore::confirmed() with this number, which is another one after each pause and
  // of no other shard of the member. The host asks ControlCore::confirmView(). Repeated now and then.
  virtual void paused(std::uint64_t fence) { (void)fence; }
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
  // Standing still for longer: nothing is answered before the view is confirmed; 0 = off.
  std::int64_t fenceMillis = 0;
  std::shared_ptr<MemoryBudget> memory;  // of all shards; null = no limit
  std::int64_t copyBytesPerSecond = 0;   // to other members, by this shard; 0 = no limit
  std::int64_t tombstoneMillis = 3'600'000;  // how long removals are remembered
};

// Counted since the start; sums over the shards are the member's.
struct ShardFigures {
  std::uint64_t fences = 0;             // pauses after which the view had to be confirmed
  std::uint64_t memoryRefused = 0;      // writes, for the memory limit
  std::uint64_t protectionRefused = 0;  // operations, for a cluster below a map's minimum
  std::uint64_t fewerCopies = 0;        // writes acknowledged with fewer copies than configured
  std::uint64_t repairs = 0;            // backups found damaged by their digest and copied anew
  std::uint64_t indeterminateRetries = 0;  // retries of operations that are not remembered
  std::uint64_t tombstones = 0;         // now
  std::uint64_t tombstonesDropped = 0;  // before their time, for a bound
  std::uint64_t mergeKept = 0, mergeDropped = 0;
  std::uint64_t mergeReports = 0;       // of one map each; mergeStats() changes with it
  std::int64_t bytes = 0;               // of records and tombstones, now
  ShardFigures& operator+=(const ShardFigures& o);
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
  // Callables by name (structures/tasks.h): how they are run here, before use; and submitting one to
  // a member. `slot` of this shard.
  using TaskRun = std::function<void(const std::string& name, Bytes argument,
                                     std::int64_t timeoutMillis, services::Completion<Bytes> done)>;
  void setTaskRun(TaskRun run);
  void submitTask(const MemberId& to, int slot, const std::string& name, Bytes argument,
                  std::int64_t timeoutMillis, services::Completion<Bytes> done);
  std::uint64_t containerBytes() const;     // owned and backups
  // Map features (protocol 2). `query`: encodeQuery() of map/query.h, the answer of this shard's
  // partitions, wherever they are owned. `process`: value = encodeProcess(), expected = predicate.
  void query(const std::string& map, Bytes query, bool paged,
             services::Completion<QueryPart> done);
  void process(const std::string& map, int partition, services::MapRequest request,
               services::Completion<services::MapReply> done);
  void setProcessors(std::shared_ptr<const EntryProcessors> processors);
  // Entry listeners of this member: registered in every partition of this shard, again after every
  // change of its owner. Events come in order per key; a loss is an event. The receiver must not
  // call back into the core. `id` is unique in this member; answered when registered everywhere.
  using EntryDeliver = std::function<void(std::uint64_t id, services::EntryEvent event)>;
  void setEntryEvents(EntryDeliver deliver);
  void listen(std::uint64_t id, const std::string& map, std::uint8_t flags, Bytes predicate,
              services::Completion<bool> done);
  void unlisten(std::uint64_t id);
  services::MapStats localStats(const std::string& map) const;
  std::vector<std::string> mapNames() const;

  // Topics whose name hashes to this shard, and where their messages go here (topic/topics.h).
  using TopicSink = std::shared_ptr<const std::function<void(const services::TopicMessage&)>>;
  using TopicSinkOf = std::function<TopicSink(const std::string& topic)>;
  void setTopicSinks(TopicSinkOf sinkOf);
  void publish(const std::string& topic, int slot, Bytes payload);

  std::uint64_t ownedEntries() const;
  services::TopicStats topicStats(const std::string& topic) const;
  std::uint64_t badMessages() const;        // frames refused: undecodable, foreign slot, over a bound
  std::uint64_t unsyncedReplicas() const;   // backups known to lag; 0 = safe on this shard
  // Keep the owned entries and tombstones aside; after the next viewInstalled() with a view they
  // are offered to their owners, which decide by the map's merge policy.
  void keepEntriesForMerge();
  std::uint64_t mergeBacklog() const;  // of these, not answered yet
  // Answer to ShardHost::paused(): the view in force is the newest one again, by questions asked
  // after these fences. Others, of an earlier pause, lift nothing.
  void confirmed(const std::vector<std::uint64_t>& fences);
  // What became of this member's entries in merges since the start, per map.
  std::map<std::string, services::MergeStats> mergeStats() const;
  ShardFigures figures() const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ox::grid
