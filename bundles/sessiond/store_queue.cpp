#include "store_queue.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace ox::sessiond {

StoreQueue::StoreQueue(std::shared_ptr<services::SessionStorage> storage, Alive alive, Clock& clock,
                       std::size_t limit)
    : storage_(std::move(storage)), alive_(std::move(alive)), clock_(clock), limit_(limit) {
  for (int i = 0; i < kStoreThreads; ++i)
    threads_.emplace_back([this, i] {
      log::setThreadName("session-store-" + std::to_string(i));
      run();
    });
}

StoreQueue::~StoreQueue() { stop(); }

bool StoreQueue::put(const std::string& id, std::int64_t waitMillis) {
  auto job = std::make_shared<Job>();
  job->id = id;
  std::unique_lock lock(mutex_);
  if (stopping_ || due_.size() >= limit_) {
    ++counters_.dropped;
    lock.unlock();
    log::warn("a session was not stored in the grid: too many are waiting; it lives on this node");
    return false;
  }
  due_.emplace(clock_.steadyMillis(), job);
  wake_.notify_one();
  ended_.wait_for(lock, std::chrono::milliseconds(waitMillis), [&] { return job->done; });
  return job->stored;
}

bool StoreQueue::attempt(Job& job) {
  const services::SessionPtr session = alive_(job.id);
  if (!session) return true;
  const Status status = storage_->store(*session);
  // A logout that came in between has removed it from the storage too early.
  if (!alive_(job.id)) {
    if (const auto removed = storage_->remove(job.id); !removed)
      log::warn("an ended session may stay in the grid until it idles out: " +
                removed.error().toString());
    return true;
  }
  job.stored = status.ok();
  return job.stored;
}

void StoreQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (due_.empty()) {
      if (stopping_) return;
      wake_.wait(lock);
      continue;
    }
    const std::int64_t wait = due_.begin()->first - clock_.steadyMillis();
    if (wait > 0 && !stopping_) {
      wake_.wait_for(lock, std::chrono::milliseconds(std::min(wait, kRetryMostMillis)));
      continue;
    }
    if (stopping_ && clock_.steadyMillis() > stopBy_) {
      counters_.dropped += due_.size();
      for (auto& [at, job] : due_) job->done = true;
      due_.clear();
      ended_.notify_all();
      return;
    }
    const JobPtr job = due_.begin()->second;
    due_.erase(due_.begin());
    lock.unlock();
    const bool finished = attempt(*job);
    lock.lock();
    if (finished || stopping_) {
      job->done = true;
      if (job->stored) ++counters_.stored;
      else if (!finished) ++counters_.dropped;
      ended_.notify_all();
      continue;
    }
    ++counters_.retries;
    due_.emplace(clock_.steadyMillis() + job->backoff, job);
    job->backoff = std::min(job->backoff * 2, kRetryMostMillis);
  }
}

void StoreQueue::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    stopBy_ = clock_.steadyMillis() + kStopMillis;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (auto& thread : threads) thread.join();
}

StoreCounters StoreQueue::counters() const {
  std::lock_guard lock(mutex_);
  StoreCounters out = counters_;
  out.waiting = due_.size();
  return out;
}

}  // namespace ox::sessiond
