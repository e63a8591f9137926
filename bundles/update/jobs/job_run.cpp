#include "job_run.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace ox::update {
namespace {

std::string failureText(const services::UpdateReport& report) {
  std::string out;
  for (const services::TaskFailure& f : report.failed) {
    if (out.size() > kJobTextBytes) break;
    out += (out.empty() ? "" : "; ") + f.task + ": " + f.reason;
  }
  return out;
}

}  // namespace

JobRun::JobRun(JobStore& store, services::DatabaseService& database, JobWork work, Job job,
               const std::vector<JobSchema>& schemas, Clock& clock)
    : store_(store),
      work_(std::move(work)),
      job_(std::move(job)),
      clock_(clock),
      throttle_(database, job_.settings.maxLagSeconds, job_.settings.maxRunning, clock) {
  control_->setUntil(job_.settings.until);
  control_->retryFailed(job_.settings.retryFailed);
  if (work_.watchBridges) undelivered_ = work_.watchBridges();
  control_->pause(job_.wish == "pause");
  for (const JobSchema& schema : schemas)
    if (schema.state == "pending" || schema.state == "running")
      waiting_[schema.schema.writePoolId].push_back({schema.schema, 0, 0});
  std::vector<std::int32_t> workers;
  for (const auto& [pool, queue] : waiting_)
    for (int i = 0; i < job_.settings.parallel && static_cast<std::size_t>(i) < queue.size(); ++i)
      workers.push_back(pool);
  if (workers.size() > kMaxJobThreads) workers.resize(kMaxJobThreads);
  active_ = workers.size();
  threads_.reserve(workers.size());
  for (const std::int32_t pool : workers) threads_.emplace_back([this, pool] { worker(pool); });
}

JobRun::~JobRun() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void JobRun::stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
}

bool JobRun::ended() const {
  std::lock_guard lock(mutex_);
  return active_ == 0;
}

std::string JobRun::finalState() const {
  std::lock_guard lock(mutex_);
  if (stopping_) return "running";
  return endState_.empty() ? "done" : endState_;
}

std::string JobRun::note() const {
  std::lock_guard lock(mutex_);
  return note_;
}

void JobRun::setNote(const std::string& note) {
  std::lock_guard lock(mutex_);
  if (endState_.empty()) note_ = note;
}

void JobRun::endWith(const std::string& state, const std::string& why) {
  std::lock_guard lock(mutex_);
  if (endState_.empty()) {
    endState_ = state;
    note_ = why;
  }
  wake_.notify_all();
}

void JobRun::wish(const std::string& word) {
  control_->pause(word == "pause");
  std::vector<services::SchemaRef> running;
  {
    std::lock_guard lock(mutex_);
    if (word == "abort") {
      control_->abort();
      if (endState_.empty()) endState_ = "aborted", note_ = "aborted by an administrator";
      for (const auto& [schema, count] : running_) running.push_back(schema);
    }
    wake_.notify_all();
  }
  for (const services::SchemaRef& schema : running) work_.kill(schema);
}

bool JobRun::next(std::int32_t poolId, Item& item) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_ || !endState_.empty()) return false;
    const StopReason reason = control_->reason(clock_);
    if (reason == StopReason::kWindowOver) {
      endState_ = "stopped";
      note_ = "the window is over";
      wake_.notify_all();
      return false;
    }
    auto& queue = waiting_[poolId];
    if (queue.empty()) {
      // Another worker of this host may put its schema back.
      const bool others = std::any_of(running_.begin(), running_.end(), [&](const auto& one) {
        return one.first.writePoolId == poolId;
      });
      if (!others) return false;
      wake_.wait_for(lock, std::chrono::milliseconds(kThrottlePauseMillis));
      continue;
    }
    if (reason == StopReason::kPaused) {
      note_ = "paused by an administrator";
      wake_.wait_for(lock, std::chrono::milliseconds(kThrottlePauseMillis));
      continue;
    }
    const std::int64_t now = clock_.steadyMillis();
    const auto due = std::find_if(queue.begin(), queue.end(),
                                  [&](const Item& one) { return one.notBefore <= now; });
    if (due == queue.end()) {
      wake_.wait_for(lock, std::chrono::milliseconds(kThrottlePauseMillis));
      continue;
    }
    lock.unlock();
    const std::string why = throttle_.reason(poolId);
    lock.lock();
    if (!why.empty()) {
      if (endState_.empty()) note_ = "waits: " + why;
      wake_.wait_for(lock, std::chrono::milliseconds(kThrottlePauseMillis));
      continue;
    }
    // The queue may have changed while the servers were asked.
    const auto still = std::find_if(queue.begin(), queue.end(),
                                    [&](const Item& one) { return one.notBefore <= now; });
    if (still == queue.end() || !endState_.empty()) continue;
    item = *still;
    queue.erase(still);
    ++running_[item.schema];
    note_.clear();
    return true;
  }
}

void JobRun::worker(std::int32_t poolId) {
  log::setThreadName("update-job");
  for (Item item; next(poolId, item);) process(item);
  std::unique_lock lock(mutex_);
  if (active_ == 1 && !stopping_ && undelivered_) {
    lock.unlock();
    noteUndelivered();
    lock.lock();
  }
  const bool last = --active_ == 0;
  wake_.notify_all();
  lock.unlock();
  if (last && work_.ended) work_.ended();
}

// By the last worker: the report of the job names what an older cluster does not know.
void JobRun::noteUndelivered() {
  std::string text;
  for (const std::string& one : undelivered_()) text += (text.empty() ? "" : "; ") + one;
  if (text.empty()) return;
  text = "the older cluster was not told of: " + text;
  if (text.size() > kJobTextBytes / 2) text = text.substr(0, kJobTextBytes / 2) + "... (see the log)";
  const std::string before = note();
  setNote(before.empty() ? text : before + "; " + text);
}

void JobRun::putBack(Item item, bool later) {
  std::lock_guard lock(mutex_);
  if (later) item.notBefore = clock_.steadyMillis() + kBusyPauseMillis;
  waiting_[item.schema.writePoolId].push_back(item);
}

void JobRun::process(Item item) {
  const services::SchemaRef schema = item.schema;
  const auto write = [&](const SchemaResult& result) {
    Status s = store_.setSchema(job_, schema, result);
    if (s) return true;
    log::warn("job " + job_.id + ": the progress of schema " + schema.schema +
              " could not be written: " + s.error().toString());
    if (s.error().code == Code::kUpdSuperseded) stop();
    return false;
  };
  // Without the mark another node could not know; the schema's own lease protects it in any case.
  if (write({"running", 0, ""})) {
    auto report = work_.run(schema, job_.settings.task, control_);
    if (report && !report->stopped.empty()) {
      write({"pending", static_cast<std::int64_t>(report->executed.size()), report->stopped});
      putBack(item, false);
    } else if (report) {
      const bool good = report->failed.empty();
      write({good ? "done" : "failed", static_cast<std::int64_t>(report->executed.size()),
             failureText(*report)});
      if (!good && job_.settings.stopOnError)
        endWith("stopped", "schema " + schema.schema + " failed: " + failureText(*report));
    } else {
      const Error& error = report.error();
      const bool busy = error.code == Code::kUpdLocked || error.code == Code::kBusy;
      if (error.code == Code::kShutdown) {
        write({"pending", 0, ""});
        stop();
      } else if (busy && !job_.settings.stopOnError && ++item.tries < kBusyTries) {
        write({"pending", 0, error.toString()});
        putBack(item, true);
      } else {
        write({"failed", 0, error.toString()});
        if (job_.settings.stopOnError)
          endWith("stopped", "schema " + schema.schema + ": " + error.toString());
      }
    }
  } else {
    putBack(item, true);
  }
  std::lock_guard lock(mutex_);
  if (--running_[schema] == 0) running_.erase(schema);
  wake_.notify_all();
}

}  // namespace ox::update
