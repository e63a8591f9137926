// DataSide: the data half of one simulated member: real ShardCores, or a stub that only answers
// migration orders (for scenarios about membership alone).
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/random.h"
#include "membership/cluster_view.h"
#include "services/grid.h"

namespace ox::sim {

class World;
class SimMember;

class DataSide {
 public:
  virtual ~DataSide() = default;
  virtual void tick() = 0;
  virtual void installed(const grid::ViewPtr& view) = 0;  // null = not joined any more
  virtual void peer(const grid::MemberId& member, bool up) = 0;
  virtual void received(const grid::MemberId& from, BytesView frame) = 0;
  virtual void confirmed(const std::vector<std::uint64_t>&) {}  // the view is the newest one again
  virtual void keepEntriesForMerge() = 0;
  virtual std::uint64_t ownedEntries() const = 0;
  virtual std::uint64_t unsynced() const = 0;
  virtual const grid::ViewPtr& view() const = 0;  // that the shards work with
  virtual void publish(const std::string& topic, Bytes payload) = 0;
  virtual std::uint64_t topicGaps(const std::string& topic) const = 0;
  virtual std::uint64_t mergeBacklog() const { return 0; }  // entries still offered after a split
  virtual void execute(const std::string& map, services::MapRequest request,
                       services::Completion<services::MapReply> done) = 0;
  virtual void invoke(const std::string& container, int partition, Bytes request,
                      std::int64_t waitMillis, services::Completion<Bytes> done) = 0;
  // Entry processor on a key ("add" appends); a listener on all shards, events to World::onEntry.
  virtual void process(const std::string& map, const Bytes& key, const Bytes& argument,
                       services::Completion<services::MapReply> done,
                       const std::string& processor = "add") = 0;
  // Everything that matches, at once.
  virtual void query(const std::string& map, const services::Predicate& predicate,
                     services::QueryOptions options,
                     services::Completion<services::QueryResult> done) = 0;
  virtual void listen(std::uint64_t id, const std::string& map) = 0;
  // Run at `to` by World::onTask.
  virtual void submitTask(const grid::MemberId& to, const std::string& name, Bytes argument,
                          std::int64_t timeoutMillis, services::Completion<Bytes> done) = 0;
  virtual std::map<std::string, services::MergeStats> mergeStats() const { return {}; }
};

inline int partitionOf(const std::string& key, int partitions) {
  return static_cast<int>(std::hash<std::string>{}(key) % static_cast<std::size_t>(partitions));
}

using DataFactory =
    std::function<std::unique_ptr<DataSide>(World&, SimMember&, std::uint64_t seed)>;
std::unique_ptr<DataSide> makeStub(World& world, SimMember& member, std::uint64_t seed);
std::unique_ptr<DataSide> makeShards(World& world, SimMember& member, std::uint64_t seed);

}  // namespace ox::sim
