#include "engine_map.h"

#include <future>

#include "engine_calls.h"
#include "map/entry_listeners.h"
#include "map/entry_processors.h"
#include "map/query.h"
#include "serialization/partition.h"
#include "structures/registry.h"

namespace ox::grid {
namespace {

Lane* laneOf(const Engine::Impl& engine, int partition) {
  if (!engine.running) return nullptr;
  return engine.lanes[static_cast<std::size_t>(partition) % engine.lanes.size()].get();
}

// The lanes' parts of one query.
class Parts {
 public:
  Parts(std::size_t lanes, services::QueryOptions options,
        Completion<services::QueryResult> done)
      : left_(lanes), options_(std::move(options)), done_(std::move(done)) {}
  void add(Result<QueryPart> part) {
    std::unique_lock lock(mutex_);
    if (part) sum_.join(std::move(*part));
    else if (!error_) error_ = part.error();
    if (sum_.bytes > kMaxQueryResultBytes && !error_)
      error_ = Error(Code::kNetTooLarge, "the result of the query is too large; ask for pages");
    if (--left_ != 0) return;
    lock.unlock();
    if (error_) done_(*error_);
    else done_(finishPage(std::move(sum_), options_));
  }

 private:
  std::mutex mutex_;
  std::size_t left_;
  const services::QueryOptions options_;
  QueryPart sum_;
  std::optional<Error> error_;
  Completion<services::QueryResult> done_;
};

class EntrySubscription final : public services::Subscription {
 public:
  EntrySubscription(const EnginePtr& engine, std::uint64_t id)
      : engine_(engine), listeners_(engine->entryListeners), id_(id) {}
  ~EntrySubscription() override {
    listeners_->remove(id_);
    const auto engine = engine_.lock();
    if (!engine) return;
    for (const auto& lane : engine->lanes)
      lane->post([id = id_](Lane& l) { l.core()->unlisten(id); });
  }

 private:
  const std::weak_ptr<Engine::Impl> engine_;
  const std::shared_ptr<EntryListeners> listeners_;
  const std::uint64_t id_;
};
}  // namespace

void queryMap(const EnginePtr& engine, const std::string& map, const services::Predicate& predicate,
              services::QueryOptions options, Completion<services::QueryResult> done) {
  if (!engine->running) return done(Error(Code::kShutdown));
  auto body = encodeQuery(predicate, options);
  if (!body) return done(body.error());
  const bool paged = options.pageSize > 0;
  auto all = std::make_shared<Parts>(engine->lanes.size(), std::move(options), std::move(done));
  for (const auto& lane : engine->lanes) {
    auto part =
        std::make_shared<Answer<QueryPart>>([all](Result<QueryPart> r) { all->add(std::move(r)); });
    const bool taken = lane->run([map, part, body = *body, paged](ShardCore* core) {
      if (core) core->query(map, body, paged, [part](Result<QueryPart> r) { (*part)(std::move(r)); });
    });
    if (!taken) (*part)(refusedBy(*engine));
  }
}

void processEntry(const EnginePtr& engine, const std::string& map, Bytes key,
                  const std::string& processor, BytesView argument,
                  const services::Predicate* only, Completion<std::optional<Bytes>> done) {
  if (key.size() > kMaxKeyBytes || processor.size() > kMaxProcessorName ||
      argument.size() > kMaxProcessorArgument)
    return done(Error(Code::kNetTooLarge, "entry processor: the key may have 64 KiB, the name " +
                                              std::to_string(kMaxProcessorName) +
                                              " bytes and the argument 1 MiB"));
  services::MapRequest request;
  if (only != nullptr) {
    auto predicate = encodePredicate(*only);
    if (!predicate) return done(predicate.error());
    request.expected = std::move(*predicate);
  }
  const int partition = serialization::partitionOf(key, engine->config.partitionCount);
  request.key = std::move(key);
  request.value = encodeProcess(processor, argument);
  auto answer = std::make_shared<Answer<services::MapReply>>(
      [done = std::move(done)](Result<services::MapReply> r) {
        if (!r) return done(r.error());
        done(std::move(r->value));
      });
  Lane* lane = laneOf(*engine, partition);
  const bool taken =
      lane && lane->run([map, partition, answer, request = std::move(request)](
                            ShardCore* core) mutable {
        if (core)
          core->process(map, partition, std::move(request),
                        [answer](Result<services::MapReply> r) { (*answer)(std::move(r)); });
      });
  if (!taken) (*answer)(refusedBy(*engine));
}

Result<std::unique_ptr<services::Subscription>> listenTo(const EnginePtr& engine,
                                                         const std::string& map,
                                                         services::EntryListener listener,
                                                         const services::Predicate* only,
                                                         bool value, bool oldValue) {
  if (!engine->running) return Error(Code::kShutdown);
  Bytes predicate;
  if (only != nullptr) {
    auto encoded = encodePredicate(*only);
    if (!encoded) return encoded.error();
    predicate = std::move(*encoded);
  }
  const auto flags = static_cast<std::uint8_t>((value ? kListenValue : 0) |
                                               (oldValue ? kListenOldValue : 0));
  // All events of one listener on one shard: their order stays.
  const std::weak_ptr<Lane> home = engine->lanes.front();
  const std::uint64_t id = engine->entryListeners->add(
      std::move(listener), [home](std::function<void()> task) {
        if (const auto lane = home.lock()) lane->shard().post(std::move(task));
      });
  auto subscription = std::make_unique<EntrySubscription>(engine, id);
  auto promise = std::make_shared<std::promise<Result<std::uint64_t>>>();
  auto future = promise->get_future();
  auto all = std::make_shared<Gather<std::uint64_t>>(
      engine->lanes.size(), [promise](Result<std::uint64_t> r) { promise->set_value(std::move(r)); });
  for (const auto& lane : engine->lanes) {
    auto part = std::make_shared<Answer<std::uint64_t>>(
        [all](Result<std::uint64_t> r) { all->add(std::move(r)); });
    const bool taken = lane->run([id, map, flags, predicate, part](ShardCore* core) {
      if (core)
        core->listen(id, map, flags, predicate, [part](Result<bool> r) {
          if (r) (*part)(std::uint64_t{1});
          else (*part)(r.error());
        });
    });
    if (!taken) (*part)(refusedBy(*engine));
  }
  const auto answered = future.get();  // bounded by the call timeout, or by the end of the lanes
  if (!answered) return answered.error();
  return std::unique_ptr<services::Subscription>(std::move(subscription));
}

void lockKey(const EnginePtr& engine, const std::string& map, LockOp op,
             services::LockRequest request, Completion<services::LockState> done) {
  if (request.key.empty() || request.key.size() > kMaxKeyBytes || request.leaseMillis < 0 ||
      request.waitMillis < 0 || (op == LockOp::kLock && request.token == 0))
    return done(Error(Code::kInvalid,
                      "a lock needs a key, a token that is not 0, and times that are not negative"));
  const int partition = serialization::partitionOf(request.key, engine->config.partitionCount);
  auto answer = std::make_shared<Answer<Bytes>>([done = std::move(done)](Result<Bytes> r) {
    if (r) done(decodeLockState(*r));
    else if (r.error().code == Code::kNetTimeout)
      done(Error(Code::kBusy, "the key is locked by another caller"));
    else done(r.error());
  });
  Lane* lane = laneOf(*engine, partition);
  const Bytes body = encodeLock(op, request.key, request.token, request.leaseMillis);
  const bool taken =
      lane && lane->run([name = containerName(kLockType, map), partition, body,
                         wait = request.waitMillis, answer](ShardCore* core) {
        if (core)
          core->invoke(name, partition, body, wait,
                       [answer](Result<Bytes> r) { (*answer)(std::move(r)); });
      });
  if (!taken) (*answer)(refusedBy(*engine));
}

}  // namespace ox::grid
