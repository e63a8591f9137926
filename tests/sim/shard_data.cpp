#include <functional>

#include "attribute_record.h"
#include "data_side.h"
#include "map/entry_listeners.h"
#include "map/entry_processors.h"
#include "map/query.h"
#include "membership/failure_detector.h"
#include "partition/shard_core.h"
#include "replica_positions.h"
#include "side_load.h"
#include "structures/ringbuffer.h"
#include "world.h"

namespace ox::sim {
namespace {

class Shards;

class Host final : public grid::ShardHost {
 public:
  Host(World& world, SimMember& member, int shard)
      : world_(world), member_(member), shard_(shard) {}
  void send(const MemberId& to, Bytes frame) override {
    world_.sendData(member_, shard_, to, std::move(frame));
  }
  void migrationDone(const grid::ViewId& view, const grid::Migration& migration) override {
    world_.post(member_.id, 1, [view, migration](SimMember& self) {
      self.control().migrationDone(view, migration);
    });
  }
  void paused(std::uint64_t fence) override {
    world_.post(member_.id, 1, [fence](SimMember& self) { self.control().confirmView(fence); });
  }
  void log(int level, const std::string& text) override { member_.log(level, text); }

 private:
  World& world_;
  SimMember& member_;
  int shard_;
};

// "add" appends its argument, so that the value tells what ran, how often and in which order.
std::shared_ptr<const grid::EntryProcessors> processors() {
  static const auto all = [] {
    auto p = std::make_shared<grid::EntryProcessors>();
    (void)p->add("add", [](const services::EntryView& entry, BytesView argument) {
      services::EntryChange change;
      change.action = services::EntryChange::Action::kSet;
      change.value = Bytes(entry.value.value_or(BytesView())) + Bytes(argument);
      return change;
    });
    (void)p->add(sessionstorage::kAttributeProcessor, sessionstorage::runAttributeCommand);
    (void)p->add(database::kRaiseProcessor, database::raisePosition);
    return p;
  }();
  return all;
}

// The real data side: S shard cores, frames given to the shard of their slot.
class Shards final : public DataSide {
 public:
  Shards(World& world, SimMember& member, std::uint64_t seed)
      : world_(world), random_(seed) {
    auto maps = std::make_shared<grid::MapConfigs>();
    grid::MapConfig config;
    config.name = "work";
    config.backupCount = world.tunables.backups;
    config.asyncBackupCount = world.tunables.asyncBackups;
    maps->add(config);
    for (const char* name : {"sessions-7", "session-attributes-1", "session-endings-1"}) {
      config.name = name;
      config.indexes = {"altId", "contextId", "userId", "sessionId"};
      maps->add(config);
    }
    config.indexes.clear();
    for (const char* name : {kTokenMap, "@topic:t"}) {
      config.name = name;
      maps->add(config);
    }
    for (const auto* policy : kPolicyMaps) {  // named as it
      config.name = policy;
      config.mergePolicy = *grid::mergePolicyByName(policy);
      maps->add(config);
    }
    config.name = database::kPositionsMap;
    config.mergePolicy = grid::MergePolicy::kHigherNumber;
    maps->add(config);
    config.mergePolicy = grid::MergePolicy::kLatestUpdate;
    config.name = kProtectedMap;
    config.minClusterSize = world.tunables.minClusterSize;
    maps->add(config);
    std::shared_ptr<grid::MemoryBudget> memory;
    if (world.tunables.memoryBytes > 0)
      memory = std::make_shared<grid::MemoryBudget>(world.tunables.memoryBytes, 0,
                                                    world.tunables.shards);
    auto registry = std::make_shared<grid::ContainerRegistry>();
    grid::addRingbuffers(*registry, {.capacity = world.tunables.ringCapacity});
    for (int i = 0; i < world.tunables.shards; ++i) {
      grid::ShardSettings s;
      s.self = member.id;
      s.shardIndex = i;
      s.shardCount = world.tunables.shards;
      s.callTimeoutMillis = world.tunables.callTimeoutMillis;
      s.compareMillis = world.tunables.compareMillis;
      s.fenceMillis = grid::FailureDetector::leastSilence(world.tunables.silenceMillis,
                                                          world.tunables.heartbeatMillis) / 2;
      s.retryMillis = world.tunables.retryMillis;
      s.copyChunkBytes = world.tunables.copyChunkBytes;
      s.memory = memory;
      hosts_.push_back(std::make_unique<Host>(world, member, i));
      shards_.push_back(std::make_unique<grid::ShardCore>(s, maps, member.clock, random_,
                                                          *hosts_.back()));
      shards_.back()->setContainers(registry);
      shards_.back()->setProcessors(processors());
      shards_.back()->setTaskRun([this, &member](const std::string& name, Bytes argument,
                                                 std::int64_t, services::Completion<Bytes> done) {
        if (world_.onTask) world_.onTask(member, name, argument, std::move(done));
        else done(Error(Code::kGridUnknownTask));
      });
      shards_.back()->setEntryEvents([this, &member](std::uint64_t id, services::EntryEvent e) {
        if (world_.onEntry) world_.onEntry(member, id, e);
      });
      shards_.back()->setTopicSinks([this, &member](const std::string& topic) {
        return std::make_shared<const std::function<void(const services::TopicMessage&)>>(
            [this, &member, topic](const services::TopicMessage& message) {
              if (world_.onTopic) world_.onTopic(member, topic, message);
            });
      });
    }
  }

  void tick() override {
    for (auto& s : shards_) s->tick();
  }
  const ViewPtr& view() const override { return view_; }
  void publish(const std::string& topic, Bytes payload) override {
    const std::size_t slot = slotOf(topic);
    shards_[slot % shards_.size()]->publish(topic, static_cast<int>(slot), std::move(payload));
  }
  std::uint64_t topicGaps(const std::string& topic) const override {
    return shards_[slotOf(topic) % shards_.size()]->topicStats(topic).gapCount;
  }
  void installed(const ViewPtr& view) override {
    view_ = view;
    for (auto& s : shards_) s->viewInstalled(view);
  }
  void peer(const MemberId& member, bool up) override {
    for (auto& s : shards_) up ? s->peerUp(member) : s->peerDown(member);
  }
  void received(const MemberId& from, BytesView frame) override {
    ByteReader in(frame);
    in.u8();
    const std::size_t slot = in.u16();
    if (in.ok()) shards_[slot % shards_.size()]->received(from, frame);
  }
  void confirmed(const std::vector<std::uint64_t>& fences) override {
    for (auto& s : shards_) s->confirmed(fences);
  }
  void keepEntriesForMerge() override {
    for (auto& s : shards_) s->keepEntriesForMerge();
  }
  std::uint64_t ownedEntries() const override {
    std::uint64_t sum = 0;
    for (const auto& s : shards_) sum += s->ownedEntries();
    return sum;
  }
  std::uint64_t unsynced() const override {
    std::uint64_t sum = 0;
    for (const auto& s : shards_) sum += s->unsyncedReplicas();
    return sum;
  }
  std::uint64_t mergeBacklog() const override {
    std::uint64_t sum = 0;
    for (const auto& s : shards_) sum += s->mergeBacklog();
    return sum;
  }
  void execute(const std::string& map, services::MapRequest request,
               services::Completion<services::MapReply> done) override {
    const int partition = partitionOf(request.key, world_.tunables.partitions);
    shards_[static_cast<std::size_t>(partition) % shards_.size()]->execute(
        map, partition, std::move(request), std::move(done));
  }
  void invoke(const std::string& container, int partition, Bytes request, std::int64_t waitMillis,
              services::Completion<Bytes> done) override {
    shards_[static_cast<std::size_t>(partition) % shards_.size()]->invoke(
        container, partition, std::move(request), waitMillis, std::move(done));
  }
  void process(const std::string& map, const Bytes& key, const Bytes& argument,
               services::Completion<services::MapReply> done,
               const std::string& processor) override {
    const int partition = partitionOf(key, world_.tunables.partitions);
    services::MapRequest request;
    request.key = key;
    request.value = grid::encodeProcess(processor, argument);
    shards_[static_cast<std::size_t>(partition) % shards_.size()]->process(
        map, partition, std::move(request), std::move(done));
  }
  void submitTask(const MemberId& to, const std::string& name, Bytes argument,
                  std::int64_t timeoutMillis, services::Completion<Bytes> done) override {
    const std::size_t slot = slotOf(argument);
    shards_[slot % shards_.size()]->submitTask(to, static_cast<int>(slot), name,
                                               std::move(argument), timeoutMillis,
                                               std::move(done));
  }
  std::map<std::string, services::MergeStats> mergeStats() const override {
    std::map<std::string, services::MergeStats> sum;
    for (const auto& s : shards_)
      for (const auto& [name, stats] : s->mergeStats()) sum[name] += stats;
    return sum;
  }
  void query(const std::string& map, const services::Predicate& predicate,
             services::QueryOptions options,
             services::Completion<services::QueryResult> done) override {
    struct All {
      std::size_t left = 0;
      grid::QueryPart sum;
      std::optional<Error> error;
    };
    auto body = grid::encodeQuery(predicate, options);
    if (!body) return done(body.error());
    auto all = std::make_shared<All>();
    all->left = shards_.size();
    for (auto& s : shards_)
      s->query(map, *body, options.pageSize > 0,
               [all, options, done](Result<grid::QueryPart> part) {
                 if (!part) all->error = part.error();
                 else all->sum.join(std::move(*part));
                 if (--all->left != 0) return;
                 if (all->error) done(*all->error);
                 else done(grid::finishPage(std::move(all->sum), options));
               });
  }
  void listen(std::uint64_t id, const std::string& map) override {
    for (auto& s : shards_)
      s->listen(id, map, grid::kListenValue, {}, [](const Result<bool>&) {});
  }

 private:
  // As the engine: below every partition count in use.
  static std::size_t slotOf(const std::string& topic) {
    return std::hash<std::string>{}(topic) % 30011;
  }

  World& world_;
  SeededRandom random_;
  ViewPtr view_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<grid::ShardCore>> shards_;
};

}  // namespace

std::unique_ptr<DataSide> makeShards(World& world, SimMember& member, std::uint64_t seed) {
  return std::make_unique<Shards>(world, member, seed);
}

}  // namespace ox::sim
