// What callers see of the engine: maps, topics, state.
#include <algorithm>
#include <future>

#include "engine_calls.h"
#include "engine_impl.h"
#include "engine_map.h"
#include "member_protocol/message.h"
#include "net/tls.h"
#include "serialization/partition.h"

namespace ox::grid {
namespace {
using services::MapStats;

constexpr std::int64_t kStatsWaitMillis = 1000;

void add(MapStats& sum, const MapStats& part) {
  sum.ownedEntryCount += part.ownedEntryCount;
  sum.backupEntryCount += part.backupEntryCount;
  sum.ownedEntryMemoryCost += part.ownedEntryMemoryCost;
  sum.backupEntryMemoryCost += part.backupEntryMemoryCost;
  sum.backupCount = std::max(sum.backupCount, part.backupCount);
  sum.hits += part.hits;
  sum.getOperationCount += part.getOperationCount;
  sum.putOperationCount += part.putOperationCount;
  sum.removeOperationCount += part.removeOperationCount;
  sum.lastAccessTime = std::max(sum.lastAccessTime, part.lastAccessTime);
  sum.lastUpdateTime = std::max(sum.lastUpdateTime, part.lastUpdateTime);
  sum.lockedEntryCount += part.lockedEntryCount;
  sum.otherOperationCount += part.otherOperationCount;
  sum.eventOperationCount += part.eventOperationCount;
  sum.queryCount += part.queryCount;
  sum.indexedQueryCount += part.indexedQueryCount;
  sum.evictionCount += part.evictionCount;
  sum.expirationCount += part.expirationCount;
}

class MapProxy final : public services::GridMap {
 public:
  MapProxy(std::shared_ptr<Engine::Impl> engine, std::string name)
      : engine_(std::move(engine)), name_(std::move(name)) {}

  const std::string& name() const override { return name_; }

  void execute(services::MapRequest request, Completion<services::MapReply> done) override {
    if (request.key.size() > kMaxKeyBytes || request.value.size() > kMaxValueBytes ||
        request.expected.size() > kMaxValueBytes) {
      done(Error(Code::kNetTooLarge, "map " + name_ + ": key of " +
                                         std::to_string(request.key.size()) +
                                         " bytes, value of " +
                                         std::to_string(request.value.size()) +
                                         "; allowed are 64 KiB and 16 MiB"));
      return;
    }
    const int partition =
        serialization::partitionOf(request.key, engine_->config.partitionCount);
    auto answer = std::make_shared<Answer<services::MapReply>>(std::move(done));
    Lane* lane = laneOf(partition);
    const bool taken = lane && lane->run([name = name_, partition, answer,
                                          request = std::move(request)](ShardCore* core) mutable {
      if (core)
        core->execute(name, partition, std::move(request),
                      [answer](Result<services::MapReply> r) { (*answer)(std::move(r)); });
    });
    if (!taken) (*answer)(refusedBy(*engine_));
  }

  void size(Completion<std::uint64_t> done) override {
    everywhere<std::uint64_t>(std::move(done), [name = name_](ShardCore& core, auto part) {
      core.size(name, std::move(part));
    });
  }
  void entries(Completion<std::vector<services::MapEntry>> done) override {
    collect(true, std::move(done));
  }
  void keys(Completion<std::vector<Bytes>> done) override {
    collect(false, [done = std::move(done)](Result<std::vector<services::MapEntry>> r) {
      if (!r) return done(r.error());
      std::vector<Bytes> out;
      out.reserve(r->size());
      for (auto& e : *r) out.push_back(std::move(e.key));
      done(std::move(out));
    });
  }
  void clear(Completion<std::uint64_t> done) override {
    everywhere<std::uint64_t>(std::move(done), [name = name_](ShardCore& core, auto part) {
      core.clear(name, std::move(part));
    });
  }

  void query(const services::Predicate& predicate, services::QueryOptions options,
             Completion<services::QueryResult> done) override {
    queryMap(engine_, name_, predicate, std::move(options), std::move(done));
  }
  void process(Bytes key, const std::string& processor, Bytes argument,
               const services::Predicate* only,
               Completion<std::optional<Bytes>> done) override {
    processEntry(engine_, name_, std::move(key), processor, argument, only, std::move(done));
  }
  Result<std::unique_ptr<services::Subscription>> addEntryListener(
      services::EntryListener listener, const services::Predicate* only, bool includeValue,
      bool includeOldValue) override {
    return listenTo(engine_, name_, std::move(listener), only, includeValue, includeOldValue);
  }
  void lock(services::LockRequest r, Completion<services::LockState> done) override {
    lockKey(engine_, name_, LockOp::kLock, r, std::move(done));
  }
  void unlock(Bytes key, std::uint32_t token, Completion<services::LockState> done) override {
    lockKey(engine_, name_, LockOp::kUnlock, {std::move(key), token}, std::move(done));
  }
  void forceUnlock(Bytes key, Completion<services::LockState> done) override {
    lockKey(engine_, name_, LockOp::kForce, {std::move(key)}, std::move(done));
  }
  void lockState(Bytes key, Completion<services::LockState> done) override {
    lockKey(engine_, name_, LockOp::kState, {std::move(key)}, std::move(done));
  }

  MapStats localStats() const override {
    // Each lane's last known figures are kept: on an engine thread nobody may wait for another.
    struct Asked {
      std::mutex mutex;
      std::condition_variable changed;
      std::size_t left = 0;
    };
    auto asked = std::make_shared<Asked>();
    const bool mayWait = !engine_->onEngineThread();
    asked->left = engine_->lanes.size();
    {
      std::lock_guard lock(known_->mutex);
      known_->lanes.resize(engine_->lanes.size());
    }
    for (std::size_t i = 0; i < engine_->lanes.size(); ++i) {
      const bool taken = engine_->lanes[i]->run([asked, known = known_, name = name_,
                                                 i](ShardCore* core) {
        if (core) {
          const MapStats stats = core->localStats(name);
          std::lock_guard lock(known->mutex);
          known->lanes[i] = stats;
        }
        std::lock_guard lock(asked->mutex);
        if (--asked->left == 0) asked->changed.notify_all();
      });
      if (!taken) {
        std::lock_guard lock(asked->mutex);
        --asked->left;
      }
    }
    if (mayWait) {
      std::unique_lock lock(asked->mutex);
      asked->changed.wait_for(lock, std::chrono::milliseconds(kStatsWaitMillis),
                              [&] { return asked->left == 0; });
    }
    MapStats sum;
    std::lock_guard lock(known_->mutex);
    for (const MapStats& part : known_->lanes) add(sum, part);
    return sum;
  }

 private:
  struct Known {
    std::mutex mutex;
    std::vector<MapStats> lanes;
  };

  Lane* laneOf(int partition) const {
    if (!engine_->running) return nullptr;
    return engine_->lanes[static_cast<std::size_t>(partition) % engine_->lanes.size()].get();
  }

  template <typename T, typename Work>
  void everywhere(Completion<T> done, Work work) {
    if (!engine_->running) return done(Error(Code::kShutdown));
    auto all = std::make_shared<Gather<T>>(engine_->lanes.size(), std::move(done));
    for (const auto& lane : engine_->lanes) {
      auto part = std::make_shared<Answer<T>>([all](Result<T> r) { all->add(std::move(r)); });
      const bool taken = lane->run([part, work](ShardCore* core) {
        if (core) work(*core, [part](Result<T> r) { (*part)(std::move(r)); });
      });
      if (!taken) (*part)(refusedBy(*engine_));
    }
  }
  void collect(bool values, Completion<std::vector<services::MapEntry>> done) {
    everywhere<std::vector<services::MapEntry>>(
        std::move(done), [name = name_, values](ShardCore& core, auto part) {
          core.entries(name, values, std::move(part));
        });
  }

  const std::shared_ptr<Engine::Impl> engine_;
  const std::string name_;
  const std::shared_ptr<Known> known_ = std::make_shared<Known>();
};

}  // namespace

class TopicProxy final : public services::GridTopic {
 public:
  TopicProxy(const std::shared_ptr<Engine::Impl>& engine, std::string name)
      : engine_(engine), name_(std::move(name)), slot_(serialization::partitionOfName(name_, engine->config.partitionCount)),
        lane_(engine->lanes[static_cast<std::size_t>(slot_) % engine->lanes.size()]) {}

  const std::string& name() const override { return name_; }

  Status publish(Bytes payload) override {
    if (payload.size() > kMaxValueBytes)
      return Error(Code::kNetTooLarge, "topic " + name_ + ": message of " +
                                           std::to_string(payload.size()) +
                                           " bytes, allowed are 16 MiB");
    if (lane_->publish(&name_, slot_, std::move(payload))) return {};
    if (const auto engine = engine_.lock(); !engine || !engine->running) return Error(Code::kShutdown);
    return Error(Code::kBusy, "topic " + name_ + ": more than " + std::to_string(kMaxPosted) +
                                  " messages or " + std::to_string(kMaxTopicBytes >> 20) +
                                  " MiB wait for the other members");
  }

  std::unique_ptr<services::Subscription> subscribe(services::TopicListener listener) override {
    return listeners_->add(std::move(listener));
  }

  services::TopicStats localStats() const override {
    const auto engine = engine_.lock();
    if (!engine) return {};
    if (engine->onEngineThread()) {
      std::lock_guard lock(mutex_);
      return known_;
    }
    auto promise = std::make_shared<std::promise<services::TopicStats>>();
    auto future = promise->get_future();
    if (!lane_->run([promise, name = name_](ShardCore* core) {
          promise->set_value(core ? core->topicStats(name) : services::TopicStats{});
        }))
      return {};
    const bool answered =
        future.wait_for(std::chrono::milliseconds(kStatsWaitMillis)) == std::future_status::ready;
    std::lock_guard lock(mutex_);
    if (answered) known_ = future.get();
    return known_;
  }

  const ShardCore::TopicSink& sink() const { return sink_; }

 private:
  const std::weak_ptr<Engine::Impl> engine_;
  const std::string name_;  // the lane reads it: the engine keeps its proxies until lanes are closed
  const int slot_;
  const std::shared_ptr<Lane> lane_;
  const std::shared_ptr<Listeners<services::TopicMessage>> listeners_ =
      std::make_shared<Listeners<services::TopicMessage>>();
  const ShardCore::TopicSink sink_ =
      std::make_shared<const std::function<void(const services::TopicMessage&)>>(
          [listeners = listeners_](const services::TopicMessage& m) { listeners->call(m); });
  mutable std::mutex mutex_;
  mutable services::TopicStats known_;
};

ViewPtr Engine::Impl::currentView() const {
  std::lock_guard lock(mutex);
  return view;
}

bool Engine::Impl::onEngineThread() const {
  if (control && control->onThisThread()) return true;
  return std::any_of(lanes.begin(), lanes.end(),
                     [](const auto& lane) { return lane->shard().onThisThread(); });
}

std::shared_ptr<services::GridMap> Engine::Impl::map(const std::string& name) {
  std::lock_guard lock(mutex);
  auto& entry = maps[name];
  if (!entry) entry = std::make_shared<MapProxy>(shared_from_this(), name);
  return entry;
}

std::shared_ptr<TopicProxy> Engine::Impl::topicProxy(const std::string& name) {
  std::lock_guard lock(mutex);
  auto& entry = topics[name];
  if (!entry) entry = std::make_shared<TopicProxy>(shared_from_this(), name);
  return entry;
}

ShardCore::TopicSink Engine::Impl::topicSink(const std::string& name) {
  std::lock_guard lock(mutex);
  const auto it = topics.find(name);
  return it == topics.end() ? nullptr : it->second->sink();
}

services::GridState Engine::Impl::state() const {
  services::GridState out;
  out.clusterName = config.clusterName;
  out.clusterVersion = kProtocolGeneration;
  out.partitionCount = config.partitionCount;
  const ViewPtr v = currentView();
  if (!v) return out;
  out.joined = true;
  out.viewVersion = v->id.counter;
  int holders = 0;
  for (const Member& m : v->members) {
    out.members.push_back({m.id.toString(), m.address.host, m.address.port, m.lite, m.id == id});
    const bool goes = std::find(v->leaving.begin(), v->leaving.end(), m.id) != v->leaving.end();
    if (!m.lite && !goes) ++holders;
  }
  const int wanted = std::min(holders, 1 + config.maps->maxCopies());
  bool complete = true;
  for (const Replicas& r : v->partitions) {
    if (r.count == 0) ++out.unownedPartitions;
    else if (r.at[0] == id) ++out.ownedPartitions;
    if (r.count < wanted) complete = false;
  }
  out.migrationsPending = static_cast<int>(v->migrations.size());
  std::uint64_t unsynced = 0;
  for (const auto& lane : lanes) unsynced += lane->unsynced();
  out.safe = complete && out.migrationsPending == 0 && out.unownedPartitions == 0 && unsynced == 0;
  return out;
}

std::shared_ptr<services::GridMap> Engine::map(const std::string& name) {
  return impl_->map(name);
}
std::shared_ptr<services::GridTopic> Engine::topic(const std::string& name) {
  return impl_->topicProxy(name);
}

std::string Engine::discoverMapName(const std::string& prefix, const std::string& fallback) {
  for (const auto& [name, _] : impl_->config.maps->all())
    if (name.starts_with(prefix)) return name;
  return fallback;
}

services::GridState Engine::state() const { return impl_->state(); }

std::optional<services::GridMember> Engine::ownerOf(BytesView key) const {
  const ViewPtr v = impl_->currentView();
  if (!v) return std::nullopt;
  const int partition = serialization::partitionOf(key, v->partitionCount());
  const Replicas& replicas = v->partitions[static_cast<std::size_t>(partition)];
  const Member* m = replicas.count == 0 ? nullptr : v->find(replicas.at[0]);
  if (m == nullptr) return std::nullopt;
  return services::GridMember{m->id.toString(), m->address.host, m->address.port, m->lite,
                              m->id == impl_->id};
}

std::vector<std::string> Engine::mapNames() const {
  // Configured ones, and those somebody here has asked for.
  std::vector<std::string> out;
  for (const auto& [name, _] : impl_->config.maps->all()) out.push_back(name);
  std::lock_guard lock(impl_->mutex);
  for (const auto& [name, _] : impl_->maps) out.push_back(name);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Status Engine::registerProcessor(const std::string& name, services::EntryProcessor processor) {
  return impl_->processors->add(name, std::move(processor));
}

std::vector<std::string> Engine::topicNames() const {
  std::lock_guard lock(impl_->mutex);
  std::vector<std::string> out;
  for (const auto& [name, _] : impl_->topics) out.push_back(name);
  return out;
}

std::vector<std::shared_ptr<services::GridTopic>> Engine::topics() const {
  std::lock_guard lock(impl_->mutex);
  std::vector<std::shared_ptr<services::GridTopic>> out;
  for (const auto& [_, topic] : impl_->topics) out.push_back(topic);
  return out;
}

std::unique_ptr<services::Subscription> Engine::onMembershipChange(
    std::function<void(const services::GridState&)> listener) {
  return impl_->memberListeners->add(std::move(listener));
}

Address Engine::address() const { return impl_->address; }
MemberId Engine::id() const { return impl_->id; }
std::string Engine::instanceName() const { return "_hzInstance_1_" + impl_->config.clusterName; }
const GridConfig& Engine::config() const { return impl_->config; }

EngineFigures Engine::figures() const {
  EngineFigures f;
  if (impl_->acceptor) {
    const auto& c = impl_->acceptor->counters();
    f.accepted = c.accepted;
    f.unknownProtocol = c.unknownProtocol;
    f.silent = c.silent;
    f.tooMany = c.tooMany + impl_->busyHandshakes;
  }
  for (int r = 1; r < kRefusals; ++r) {
    const auto reason = static_cast<Refusal>(r);
    const std::string name = refusalName(reason);
    if (name != "unknown") f.refused.emplace_back(name, impl_->refusals->count(reason));
  }
  for (const auto& lane : impl_->lanes) {
    f.badMessages += lane->badMessages();
    f.data += lane->figures();
    for (const auto& [name, stats] : lane->mergeStats()) f.merges[name] += stats;
    f.unsyncedReplicas += lane->unsynced();
    f.ownedEntries += lane->ownedEntries();
  }
  f.linkResets = impl_->linkResets;
  f.pauses = impl_->pauses;
  f.longestPauseMillis = impl_->longestPause;
  f.controlLinks = impl_->linkCount;
  if (const auto tls = impl_->encryption->get()) {
    f.encrypted = true;
    f.certificateUntilMillis = tls->validUntilMillis();
  }
  return f;
}

}  // namespace ox::grid
