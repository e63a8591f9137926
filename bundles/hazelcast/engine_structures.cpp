#include "engine_structures.h"

#include <algorithm>

#include "engine_calls.h"
#include "engine_impl.h"
#include "serialization/partition.h"
#include "structures/tasks.h"
#include "structures/topic_writer.h"

namespace ox::grid {
namespace {

using services::GridMember;

// Where a named container lives, seen from this member.
class Place {
 public:
  Place(const std::shared_ptr<Engine::Impl>& engine, const std::string& type,
        const std::string& name)
      : engine_(engine), container_(containerName(type, name)),
        partition_(serialization::partitionOfName(name, engine->config.partitionCount)),
        lane_(engine->lanes[static_cast<std::size_t>(partition_) % engine->lanes.size()]) {}

  Lane& lane() const { return *lane_; }
  const std::string& container() const { return container_; }
  int partition() const { return partition_; }

  // `work` on the lane; it answers `answer`, or the answer says why not.
  template <typename T>
  void run(const std::shared_ptr<Answer<T>>& answer, std::function<void(ShardCore&)> work) const {
    const auto engine = engine_.lock();
    if (!engine || !engine->running) return (*answer)(Error(Code::kShutdown));
    if (lane_->run([work = std::move(work)](ShardCore* core) {
          if (core) work(*core);
        }))
      return;
    (*answer)(refusedBy(*engine));
  }
  // Request to the container; `read` makes the caller's answer of the container's bytes.
  template <typename T>
  void ask(Bytes request, std::int64_t waitMillis, Completion<T> done,
           std::function<Result<T>(BytesView)> read) const {
    auto answer = std::make_shared<Answer<T>>(std::move(done));
    run<T>(answer, [place = *this, answer, request = std::move(request), waitMillis,
                    read = std::move(read)](ShardCore& core) mutable {
      core.invoke(place.container_, place.partition_, std::move(request), waitMillis,
                  [answer, read = std::move(read)](Result<Bytes> r) {
                    if (!r) (*answer)(r.error());
                    else (*answer)(read(*r));
                  });
    });
  }

 private:
  std::weak_ptr<Engine::Impl> engine_;
  std::string container_;
  int partition_;
  std::shared_ptr<Lane> lane_;
};

Result<std::int64_t> lastAdded(BytesView bytes) {
  const auto added = RingAdded::decode(bytes);
  if (!added) return added.error();
  return added->last;
}

class RingProxy final : public services::GridRingbuffer {
 public:
  RingProxy(const std::shared_ptr<Engine::Impl>& engine, std::string name)
      : name_(std::move(name)), place_(engine, "ring", name_) {}
  const std::string& name() const override { return name_; }

  void add(Bytes value, services::Overflow overflow, Completion<std::int64_t> done) override {
    std::vector<Bytes> one;
    one.push_back(std::move(value));
    addAll(std::move(one), overflow, std::move(done));
  }
  void addAll(std::vector<Bytes> values, services::Overflow overflow,
              Completion<std::int64_t> done) override {
    RingAdd request;
    request.overwrite = overflow == services::Overflow::kOverwrite;
    request.values.assign(values.begin(), values.end());
    place_.ask<std::int64_t>(request.encode(), 0, std::move(done), lastAdded);
  }
  void readMany(std::int64_t start, std::uint32_t atLeast, std::uint32_t atMost,
                std::int64_t waitMillis,
                Completion<std::vector<services::RingEntry>> done) override {
    if (start < 0) return done(Error(Code::kInvalid, "sequences begin with 0"));
    RingRead request;
    request.start = start;
    request.atLeast = atLeast;
    request.atMost = atMost;
    place_.ask<std::vector<services::RingEntry>>(
        request.encode(), waitMillis, std::move(done),
        [start](BytesView bytes) -> Result<std::vector<services::RingEntry>> {
          auto answer = RingAnswer::decode(bytes);
          if (!answer) return answer.error();
          if (answer->status != RingStatus::kOk)
            return Error(Code::kGridSequenceGone,
                         "sequence " + std::to_string(start) + ": the ring buffer has " +
                             std::to_string(answer->head) + ".." + std::to_string(answer->tail));
          std::vector<services::RingEntry> entries;
          std::int64_t sequence = answer->first;
          for (auto& item : answer->items)
            entries.push_back({sequence++, item.storedMillis, std::move(item.value)});
          return entries;
        });
  }
  void figures(Completion<services::RingFigures> done) override {
    place_.ask<services::RingFigures>(
        encodeRingInfo(), 0, std::move(done),
        [](BytesView bytes) -> Result<services::RingFigures> {
          const auto answer = RingAnswer::decode(bytes);
          if (!answer) return answer.error();
          return services::RingFigures{answer->head, answer->tail, answer->capacity};
        });
  }

 private:
  const std::string name_;
  const Place place_;
};

struct TopicCounters {
  std::atomic<std::uint64_t> published{0}, received{0}, gaps{0};
};

// What this member publishes to one topic; on the lane.
class Publishing final : public std::enable_shared_from_this<Publishing> {
 public:
  Publishing(Place place, const MemberId& self) : place_(std::move(place)), writer_(self) {}

  void publish(ShardCore& core, BytesView payload, std::int64_t now, TopicWriter::Done done) {
    writer_.publish(payload, now, std::move(done));
    pump(core);
  }

 private:
  // An owner on this lane answers within the call: then the loop goes on, not the recursion.
  void pump(ShardCore& core) {
    if (std::exchange(pumping_, true)) return;
    for (Bytes request = writer_.next(); !request.empty(); request = writer_.next())
      core.invoke(place_.container(), place_.partition(), std::move(request), 0,
                  [self = shared_from_this()](const Result<Bytes>& r) { self->answered(r); });
    pumping_ = false;
  }
  void answered(const Result<Bytes>& r) {
    writer_.answered(r);
    if (ShardCore* core = place_.lane().core()) pump(*core);
    else writer_.close(Error(Code::kShutdown));
  }

  const Place place_;
  TopicWriter writer_;
  bool pumping_ = false;
};

// One subscriber: reads on its lane, one request at a time, until its handle or the engine ends.
class Reading final : public std::enable_shared_from_this<Reading> {
 public:
  Reading(Place place, const MemberId& self, services::ReliableStart start,
          std::shared_ptr<TopicCounters> counters)
      : place_(std::move(place)), reader_(self, start), counters_(std::move(counters)) {}

  ListenerSlot<services::TopicEvent> slot;
  std::atomic<bool> ended{false};

  void read(ShardCore& core) {
    if (ended || reader_.ended()) return;
    core.invoke(place_.container(), place_.partition(), reader_.request(), kTopicWaitMillis,
                [self = shared_from_this()](const Result<Bytes>& r) { self->answered(r); });
  }

 private:
  void answered(const Result<Bytes>& r) {
    if (ended) return;
    bool good = r.ok();
    if (good) {
      const auto events = reader_.answered(*r);
      good = events.ok();
      if (good) {
        for (const auto& event : *events) {
          ++(std::holds_alternative<services::TopicGap>(event) ? counters_->gaps
                                                               : counters_->received);
          slot.call(event);
        }
      }
    }
    // Never at once: an owner on this lane would answer within the call.
    const auto again = [self = shared_from_this()](Lane& lane) {
      if (lane.core() != nullptr) self->read(*lane.core());
    };
    if (good) return place_.lane().post(again);
    place_.lane().shard().runAfter(kTopicRetryMillis, [self = shared_from_this(), again] {
      self->place_.lane().post(again);
    });
  }

  const Place place_;
  TopicReader reader_;
  const std::shared_ptr<TopicCounters> counters_;
};

class ReadingHandle final : public services::Subscription {
 public:
  explicit ReadingHandle(std::shared_ptr<Reading> reading) : reading_(std::move(reading)) {}
  ~ReadingHandle() override {
    reading_->ended = true;
    std::lock_guard lock(reading_->slot.mutex);
    reading_->slot.listener = nullptr;
  }

 private:
  const std::shared_ptr<Reading> reading_;
};

class ReliableTopicProxy final : public services::GridReliableTopic {
 public:
  ReliableTopicProxy(const std::shared_ptr<Engine::Impl>& engine, std::string name)
      : name_(std::move(name)), self_(engine->id), clock_(engine->clock),
        place_(engine, "topic", name_),
        publishing_(std::make_shared<Publishing>(place_, self_)) {}
  const std::string& name() const override { return name_; }

  void publish(Bytes payload, Completion<std::int64_t> done) override {
    if (payload.size() > kMaxRingItem - TopicEnvelope::kHead)
      return done(Error(Code::kNetTooLarge, "reliable topic " + name_ + ": message of " +
                                                std::to_string(payload.size()) +
                                                " bytes, allowed are 4 MiB"));
    auto answer = std::make_shared<Answer<std::int64_t>>(std::move(done));
    // Numbered on the lane, in the order in which the messages go out.
    place_.run<std::int64_t>(answer, [publishing = publishing_, answer, counters = counters_,
                                      now = clock_.wallMillis(),
                                      payload = std::move(payload)](ShardCore& core) {
      ++counters->published;
      publishing->publish(core, payload, now,
                          [answer](Result<std::int64_t> r) { (*answer)(std::move(r)); });
    });
  }

  std::unique_ptr<services::Subscription> subscribe(services::TopicEventListener listener,
                                                    services::ReliableStart start) override {
    auto reading = std::make_shared<Reading>(place_, self_, start, counters_);
    reading->slot.listener =
        std::make_shared<const services::TopicEventListener>(std::move(listener));
    place_.lane().post([reading](Lane& lane) {
      if (lane.core() != nullptr) reading->read(*lane.core());
    });
    return std::make_unique<ReadingHandle>(std::move(reading));
  }

  services::ReliableStats localStats() const override {
    return {counters_->published, counters_->received, counters_->gaps};
  }

 private:
  const std::string name_;
  const MemberId self_;
  Clock& clock_;
  const Place place_;
  const std::shared_ptr<Publishing> publishing_;
  const std::shared_ptr<TopicCounters> counters_ = std::make_shared<TopicCounters>();
};

class ExecutorProxy final : public services::GridExecutor {
 public:
  ExecutorProxy(const std::shared_ptr<Engine::Impl>& engine, std::shared_ptr<TaskRunner> runner)
      : engine_(engine), runner_(std::move(runner)) {}

  Result<std::unique_ptr<services::Subscription>> registerTask(
      std::string name, services::TaskFunction task) override {
    return runner_->add(std::move(name), std::move(task));
  }
  Result<std::unique_ptr<services::Subscription>> registerQuickTask(
      std::string name, services::TaskFunction task) override {
    return runner_->add(std::move(name), std::move(task), true);
  }
  void submitToMember(const std::string& uuid, const std::string& task, Bytes argument,
                      std::int64_t timeoutMillis, Completion<Bytes> done) override {
    const auto engine = engine_.lock();
    const ViewPtr view = engine ? engine->currentView() : nullptr;
    if (!view) return done(Error(engine ? Code::kGridNotJoined : Code::kShutdown));
    for (const Member& m : view->members)
      if (m.id.toString() == uuid)
        return submit(*engine, m.id, nextSlot_++, task, std::move(argument), timeoutMillis,
                      std::move(done));
    done(Error(Code::kGridMemberLost, "no member " + uuid.substr(0, 40) + " in the cluster"));
  }
  void submitToKeyOwner(BytesView key, const std::string& task, Bytes argument,
                        std::int64_t timeoutMillis, Completion<Bytes> done) override {
    const auto engine = engine_.lock();
    const ViewPtr view = engine ? engine->currentView() : nullptr;
    if (!view) return done(Error(engine ? Code::kGridNotJoined : Code::kShutdown));
    const int partition = serialization::partitionOf(key, view->partitionCount());
    const Replicas& replicas = view->partitions[static_cast<std::size_t>(partition)];
    if (replicas.count == 0) return done(Error(Code::kGridNoPartition));
    submit(*engine, replicas.at[0], static_cast<unsigned>(partition), task, std::move(argument),
           timeoutMillis, std::move(done));
  }
  void submitToAll(const std::string& task, Bytes argument, std::int64_t timeoutMillis,
                   Completion<std::vector<services::TaskAnswer>> done,
                   const std::string& except) override {
    const auto engine = engine_.lock();
    const ViewPtr view = engine ? engine->currentView() : nullptr;
    if (!view) return done(Error(engine ? Code::kGridNotJoined : Code::kShutdown));
    struct All {
      std::mutex mutex;
      std::vector<services::TaskAnswer> answers;
      std::size_t left = 1;
      Completion<std::vector<services::TaskAnswer>> done;
      void one() {
        std::unique_lock lock(mutex);
        if (--left != 0) return;
        lock.unlock();
        done(std::move(answers));
      }
    };
    auto all = std::make_shared<All>();
    all->done = std::move(done);
    std::vector<MemberId> targets;
    for (const Member& m : view->members) {
      if (m.id.toString() == except) continue;
      targets.push_back(m.id);
      all->answers.push_back({GridMember{m.id.toString(), m.address.host, m.address.port, m.lite,
                                         m.id == engine->id},
                              Error(Code::kShutdown)});
    }
    all->left += targets.size();
    for (std::size_t i = 0; i < targets.size(); ++i)
      submit(*engine, targets[i], nextSlot_++, task, argument, timeoutMillis,
             [all, i](Result<Bytes> r) {
               {
                 std::lock_guard lock(all->mutex);
                 all->answers[i].result = std::move(r);
               }
               all->one();
             });
    all->one();
  }
  services::ExecutorStats localStats() const override { return runner_->stats(); }

 private:
  void submit(Engine::Impl& engine, const MemberId& to, unsigned slot, const std::string& task,
              Bytes argument, std::int64_t timeoutMillis, Completion<Bytes> done) {
    runner_->countSubmitted();
    auto answer = std::make_shared<Answer<Bytes>>(std::move(done));
    const int number = static_cast<int>(slot % static_cast<unsigned>(engine.config.partitionCount));
    Lane& lane = *engine.lanes[static_cast<std::size_t>(number) % engine.lanes.size()];
    const bool taken = engine.running && lane.run([answer, to, number, task, timeoutMillis,
                                 argument = std::move(argument)](ShardCore* core) mutable {
      if (core)
        core->submitTask(to, number, task, std::move(argument), timeoutMillis,
                         [answer](Result<Bytes> r) { (*answer)(std::move(r)); });
    });
    if (!taken) (*answer)(refusedBy(engine));
  }

  const std::weak_ptr<Engine::Impl> engine_;
  const std::shared_ptr<TaskRunner> runner_;
  std::atomic<unsigned> nextSlot_{0};
};

}  // namespace

EngineStructures::EngineStructures(const std::shared_ptr<Engine::Impl>& engine)
    : engine_(engine), runner_(std::make_shared<TaskRunner>(engine->workers, engine->clock)),
      executor_(std::make_shared<ExecutorProxy>(engine, runner_)) {
  auto registry = std::make_shared<ContainerRegistry>();
  addRingbuffers(*registry);
  registry_ = std::move(registry);
}

void EngineStructures::prepare(const std::shared_ptr<Lane>& lane) const {
  lane->core()->setContainers(registry_);
  lane->core()->setTaskRun([runner = runner_, weak = std::weak_ptr<Lane>(lane)](
                               const std::string& name, Bytes argument, std::int64_t timeoutMillis,
                               Completion<Bytes> done) {
    // The result goes back to the shard, where the core may have gone.
    auto back = std::make_shared<Completion<Bytes>>(std::move(done));
    runner->run(name, std::move(argument), timeoutMillis, [weak, back](Result<Bytes> r) {
      if (const auto to = weak.lock())
        to->post([back, r = std::move(r)](Lane&) mutable { (*back)(std::move(r)); });
    });
  });
}

std::shared_ptr<services::GridRingbuffer> EngineStructures::ringbuffer(const std::string& name) {
  const auto engine = engine_.lock();
  std::lock_guard lock(mutex_);
  auto& entry = rings_[name];
  if (!entry && engine) entry = std::make_shared<RingProxy>(engine, name);
  return entry;
}

std::shared_ptr<services::GridReliableTopic> EngineStructures::reliableTopic(
    const std::string& name) {
  const auto engine = engine_.lock();
  std::lock_guard lock(mutex_);
  auto& entry = topics_[name];
  if (!entry && engine) entry = std::make_shared<ReliableTopicProxy>(engine, name);
  return entry;
}

Result<std::shared_ptr<services::GridRingbuffer>> Engine::ringbuffer(const std::string& name) {
  if (!impl_->structures) return Error(Code::kShutdown);
  if (name.empty() || name.size() > 512)
    return Error(Code::kInvalid, "the name of a ring buffer has 1..512 bytes");
  return impl_->structures->ringbuffer(name);
}
Result<std::shared_ptr<services::GridReliableTopic>> Engine::reliableTopic(
    const std::string& name) {
  if (!impl_->structures) return Error(Code::kShutdown);
  if (name.empty() || name.size() > 512)
    return Error(Code::kInvalid, "the name of a reliable topic has 1..512 bytes");
  return impl_->structures->reliableTopic(name);
}
Result<std::shared_ptr<services::GridExecutor>> Engine::executor() {
  if (!impl_->structures) return Error(Code::kShutdown);
  return impl_->structures->executor();
}

}  // namespace ox::grid
