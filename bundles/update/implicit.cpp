#include "implicit.h"

#include <chrono>

#include "base/log.h"

namespace ox::update {

LoadAction loadAction(const LoadView& view, bool deny) {
  if (view.running || (!view.blockingPending && !view.backgroundPending))
    return LoadAction::kNothing;
  if (deny) return view.blockingPending ? LoadAction::kDeny : LoadAction::kNothing;
  return view.blockingPending ? LoadAction::kStartAndRefuse : LoadAction::kStart;
}

bool ImplicitUpdates::start(const services::SchemaRef& schema, int maxPerDatabase) {
  std::unique_lock lock(mutex_);
  if (stopping_) return false;
  limit_ = maxPerDatabase;
  if (known_.count(schema) != 0) return true;
  if (const auto rest = resting_.find(schema); rest != resting_.end()) {
    if (clock_.steadyMillis() < rest->second) return false;
    resting_.erase(rest);
  }
  if (known_.size() >= kMaxImplicitWaiting) return false;
  reap(lock);
  if (stopping_) return false;
  known_.insert(schema);
  waiting_[schema.writePoolId].push_back(schema);
  int total = 0;
  for (const auto& [pool, count] : active_) total += count;
  if (active_[schema.writePoolId] >= maxPerDatabase || total >= kMaxImplicitThreads) return true;
  ++active_[schema.writePoolId];
  Worker& worker = workers_.emplace_back();
  worker.thread = std::thread([this, pool = schema.writePoolId, &worker] { work(pool, worker); });
  return true;
}

void ImplicitUpdates::work(std::int32_t poolId, Worker& self) {
  log::setThreadName("update-implicit");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    // The own database first; a thread that has nothing left there helps one that got no thread.
    auto queue = waiting_.find(poolId);
    if (queue == waiting_.end() || queue->second.empty()) {
      if (queue != waiting_.end()) waiting_.erase(queue);
      for (queue = waiting_.begin(); queue != waiting_.end(); ++queue)
        if (active_[queue->first] == 0) break;
      if (queue == waiting_.end()) break;
      --active_[poolId];
      poolId = queue->first;
      ++active_[poolId];
      continue;
    }
    const services::SchemaRef schema = queue->second.front();
    queue->second.pop_front();
    const int limit = limit_;
    lock.unlock();
    // Other nodes may have begun as many as the database host is to take.
    const auto place = admit_ ? admit_(schema.writePoolId, limit)
                              : std::optional<std::shared_ptr<void>>(nullptr);
    if (!place) {
      lock.lock();
      if (stopping_) break;
      if (told_.insert(schema).second)
        log::info("The update of schema " + schema.schema + " waits: " + std::to_string(limit) +
                  " that began by themselves run on database " +
                  std::to_string(schema.writePoolId) + " already");
      waiting_[schema.writePoolId].push_front(schema);
      wake_.wait_for(lock, std::chrono::milliseconds(kAdmitPauseMillis),
                     [this] { return stopping_; });
      // A database without a thread may have room; this one is looked after again later.
      for (const auto& [other, schemas] : waiting_)
        if (!schemas.empty() && active_[other] == 0) {
          --active_[poolId];
          poolId = other;
          ++active_[poolId];
          break;
        }
      continue;
    }
    lock.lock();
    told_.erase(schema);
    ++started_;
    lock.unlock();
    log::info("Pending update tasks of schema " + schema.schema +
              " are started because one of its contexts is used");
    auto report = run_(schema);
    lock.lock();
    known_.erase(schema);
    if (report || report.error().code == Code::kUpdLocked || report.error().code == Code::kShutdown)
      continue;
    if (resting_.size() < kMaxImplicitWaiting)
      resting_[schema] = clock_.steadyMillis() + kImplicitRestMillis;
    log::error("The update of schema " + schema.schema + " that began by itself failed, the next "
               "begins in " + std::to_string(kImplicitRestMillis / 60000) + " minutes at the "
               "earliest: " + report.error().toString());
  }
  --active_[poolId];
  self.ended = true;
}

void ImplicitUpdates::reap(std::unique_lock<std::mutex>& lock) {
  std::list<Worker> ended;
  for (auto it = workers_.begin(); it != workers_.end();) {
    const auto one = it++;
    if (one->ended) ended.splice(ended.end(), workers_, one);
  }
  lock.unlock();
  for (Worker& worker : ended) worker.thread.join();
  lock.lock();
}

void ImplicitUpdates::stop() {
  std::list<Worker> workers;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    waiting_.clear();
    workers.splice(workers.end(), workers_);
  }
  for (Worker& worker : workers)
    if (worker.thread.joinable()) worker.thread.join();
}

ImplicitUpdates::Figures ImplicitUpdates::figures() const {
  std::lock_guard lock(mutex_);
  Figures out;
  for (const auto& [pool, queue] : waiting_) out.waiting += queue.size();
  for (const auto& [pool, count] : active_) out.running += count;
  out.started = started_;
  return out;
}

}  // namespace ox::update
