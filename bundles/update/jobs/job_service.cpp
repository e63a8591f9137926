#include "job_service.h"

#include <chrono>

#include "base/log.h"
#include "base/random.h"

namespace ox::update {
namespace {
constexpr int kLooksPerRefresh = 20;  // while a stop waits for the last tasks
}  // namespace

JobService::JobService(std::shared_ptr<services::DatabaseService> database, JobWork work,
                       std::string node, Clock& clock)
    : database_(std::move(database)),
      work_(nudging(std::move(work))),
      owner_(node.substr(0, 200) + "#" + secureHex(8)),
      clock_(clock),
      store_(*database_),
      keeper_([this] { keep(); }) {}

JobWork JobService::nudging(JobWork work) {
  work.ended = [this] { nudge(); };
  return work;
}

void JobService::nudge() {
  std::lock_guard lock(mutex_);
  nudged_ = true;
  wake_.notify_all();
}

Result<std::string> JobService::start(const JobSettings& settings,
                                      const std::vector<services::SchemaRef>& schemas) {
  auto id = store_.create(settings, owner_, schemas);
  nudge();
  return id;
}

Status JobService::control(const std::string& id, const std::string& wish) {
  if (Status s = store_.setWish(id, wish); !s) return s;
  nudge();
  return {};
}

Status JobService::resume(const std::string& id, bool failedToo, std::int64_t until) {
  if (Status s = store_.reopen(id, failedToo, until); !s) return s;
  nudge();
  return {};
}

std::size_t JobService::ownJobs() const {
  std::lock_guard lock(mutex_);
  return count_;
}

void JobService::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (keeper_.joinable()) keeper_.join();
}

void JobService::takeOrphans() {
  if (runs_.size() >= kMaxOwnJobs) return;
  auto orphans = store_.orphans();
  if (!orphans) {
    // Configdb away: said once, not every second.
    if (lastProblem_ != orphans.error().message)
      log::warn("update jobs cannot be read: " + orphans.error().toString());
    lastProblem_ = orphans.error().message;
    return;
  }
  lastProblem_.clear();
  for (const std::string& id : *orphans) {
    if (runs_.size() >= kMaxOwnJobs) return;
    auto taken = store_.take(id, owner_);
    if (!taken || !*taken) continue;
    auto schemas = store_.schemas(id);
    if (!schemas) {
      log::warn("job " + id + ": " + schemas.error().toString());
      static_cast<void>(store_.letGo(**taken));
      continue;
    }
    log::info((*taken)->fence > 1 ? "Update job " + id + " is continued by this node"
                                  : "Update job " + id + " begins with " +
                                        std::to_string(schemas->size()) + " schemas");
    runs_.push_back(std::make_unique<JobRun>(store_, *database_, work_, **taken, *schemas, clock_));
  }
}

void JobService::look(JobRun& run, bool& gone) {
  auto wish = store_.refresh(run.job(), run.note());
  if (!wish) {
    if (wish.error().code == Code::kUpdSuperseded) run.stop();
    log::warn("job " + run.job().id + ": " + wish.error().toString());
  } else {
    run.wish(*wish);
  }
  gone = run.ended();
  if (!gone) return;
  const std::string state = run.finalState();
  if (Status s = state == "running" ? store_.letGo(run.job())
                                    : store_.finish(run.job(), state, run.note());
      !s)
    log::warn("job " + run.job().id + ": " + s.error().toString());
  log::info("Update job " + run.job().id + " on this node: " +
            (state == "running" ? "left to another node" : state));
}

void JobService::keep() {
  log::setThreadName("update-jobs");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    nudged_ = false;
    lock.unlock();
    takeOrphans();
    for (auto it = runs_.begin(); it != runs_.end();) {
      bool gone = false;
      look(**it, gone);
      it = gone ? runs_.erase(it) : std::next(it);
    }
    lock.lock();
    count_ = runs_.size();
    wake_.wait_for(lock, std::chrono::milliseconds(runs_.empty() ? kJobPollMillis
                                                                 : kOwnJobPollMillis),
                   [this] { return stopping_ || nudged_; });
  }
  lock.unlock();
  for (const auto& run : runs_) run->stop();
  for (const auto& run : runs_) {
    // A task that has begun is finished; until then the job stays ours.
    for (int i = 0; !run->ended(); ++i) {
      if (i % kLooksPerRefresh == 0) static_cast<void>(store_.refresh(run->job(), run->note()));
      std::this_thread::sleep_for(
          std::chrono::milliseconds(kOwnJobPollMillis / kLooksPerRefresh));
    }
    static_cast<void>(store_.letGo(run->job()));
  }
  runs_.clear();
}

}  // namespace ox::update
