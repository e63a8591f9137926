#include "structures/task_runner.h"

#include <exception>

#include "structures/tasks.h"

namespace ox::grid {
namespace {
// The task that runs on this thread, so that it may end its own registration.
thread_local const void* runningHere = nullptr;
}  // namespace

class TaskRunner::Handle final : public services::Subscription {
 public:
  Handle(std::weak_ptr<TaskRunner> runner, std::string name)
      : runner_(std::move(runner)), name_(std::move(name)) {}
  ~Handle() override {
    if (const auto runner = runner_.lock()) runner->remove(name_);
  }

 private:
  const std::weak_ptr<TaskRunner> runner_;
  const std::string name_;
};

Result<std::unique_ptr<services::Subscription>> TaskRunner::add(std::string name,
                                                                services::TaskFunction task,
                                                                bool quick) {
  if (name.empty() || name.size() > kMaxTaskName || !task)
    return Error(Code::kInvalid, "a task has a name of 1.." + std::to_string(kMaxTaskName) +
                                     " bytes and a function");
  auto entry = std::make_shared<Task>();
  entry->function = std::move(task);
  entry->quick = quick;
  std::lock_guard lock(mutex_);
  if (closed_) return Error(Code::kShutdown);
  if (!tasks_.emplace(name, std::move(entry)).second)
    return Error(Code::kInvalid, "task '" + name + "' is registered already");
  return std::unique_ptr<services::Subscription>(
      std::make_unique<Handle>(weak_from_this(), std::move(name)));
}

void TaskRunner::remove(const std::string& name) {
  std::unique_lock lock(mutex_);
  const auto it = tasks_.find(name);
  if (it == tasks_.end()) return;
  const std::shared_ptr<Task> task = it->second;
  tasks_.erase(it);
  const int own = runningHere == task.get() ? 1 : 0;
  changed_.wait(lock, [&] { return task->running <= own; });
}

void TaskRunner::run(const std::string& name, Bytes argument, std::int64_t timeoutMillis,
                     Done done) {
  std::unique_lock lock(mutex_);
  if (const auto it = tasks_.find(name); !closed_ && it != tasks_.end() && it->second->quick) {
    lock.unlock();
    return perform({name, std::move(argument), clock_.steadyMillis() + timeoutMillis,
                    std::move(done)});
  }
  std::optional<Error> refusal;
  if (closed_) refusal = Error(Code::kShutdown);
  else if (!tasks_.contains(name))
    refusal = Error(Code::kGridUnknownTask,
                    "no task '" + name.substr(0, 80) + "' is registered on the member");
  else if (jobs_.size() >= kMaxTasksQueued)
    refusal = Error(Code::kBusy, "more than " + std::to_string(kMaxTasksQueued) +
                                     " tasks wait on the member");
  if (refusal) {
    ++stats_.refused;
    lock.unlock();
    return done(*refusal);
  }
  jobs_.push_back({name, std::move(argument), clock_.steadyMillis() + timeoutMillis,
                   std::move(done)});
  if (active_ >= kMaxTasksRunning) return;
  ++active_;
  lock.unlock();
  if (workers_->submit([self = shared_from_this()] { self->work(); })) return;
  // No worker has room: the jobs wait for those that work already, or nobody would come.
  lock.lock();
  std::deque<Job> refused;
  if (--active_ == 0) refused.swap(jobs_);
  stats_.refused += refused.size();
  changed_.notify_all();
  lock.unlock();
  for (Job& job : refused)
    job.done(Error(Code::kBusy, "the worker pool of the member is full"));
}

void TaskRunner::work() {
  std::unique_lock lock(mutex_);
  while (!jobs_.empty() && !closed_) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    perform(std::move(job));
    lock.lock();
  }
  --active_;
  changed_.notify_all();
}

void TaskRunner::perform(Job job) {
  std::shared_ptr<Task> task;
  {
    std::lock_guard lock(mutex_);
    const auto it = tasks_.find(job.name);
    if (it != tasks_.end() && job.deadline > clock_.steadyMillis()) {
      task = it->second;
      ++task->running;
      ++performing_;
      ++stats_.started;
    } else {
      ++stats_.cancelled;
    }
  }
  if (!task)
    return job.done(job.deadline > clock_.steadyMillis()
                        ? Error(Code::kGridUnknownTask)
                        : Error(Code::kNetTimeout, "the task was not begun in time"));
  const auto cancelled = [this, deadline = job.deadline] {
    return closed_ || clock_.steadyMillis() >= deadline;
  };
  Result<Bytes> result = Error(Code::kInternal);
  const void* const outer = std::exchange(runningHere, task.get());
  try {
    result = task->function(job.argument, cancelled);
  } catch (const std::exception& e) {
    result = Error(Code::kInternal, "task '" + job.name + "' failed: " + e.what());
  }
  runningHere = outer;
  {
    std::lock_guard lock(mutex_);
    --task->running;
    --performing_;
    ++stats_.completed;
    changed_.notify_all();
  }
  job.done(std::move(result));
}

void TaskRunner::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  std::deque<Job> refused;
  refused.swap(jobs_);
  changed_.wait(lock, [&] { return active_ == 0; });
  tasks_.clear();
  lock.unlock();
  for (Job& job : refused) job.done(Error(Code::kShutdown));
}

services::ExecutorStats TaskRunner::stats() const {
  std::lock_guard lock(mutex_);
  services::ExecutorStats stats = stats_;
  stats.submitted = submitted_;
  stats.pending = jobs_.size() + performing_;
  return stats;
}

}  // namespace ox::grid
