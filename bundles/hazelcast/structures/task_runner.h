// TaskRunner: the tasks registered in this process, and running them in the worker pool.
//
// Threads:   every method from any thread. A task runs on a worker thread; `done` runs there, or on the
//            thread of run() when the task is refused.
// Bounds:    kMaxTasksRunning at once, kMaxTasksQueued wait; more are refused (RUN-0005).
// Ownership: shared; the worker pool must outlive close().
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "net/workers.h"
#include "services/grid_structures.h"

namespace ox::grid {

inline constexpr int kMaxTasksRunning = 4;
inline constexpr std::size_t kMaxTasksQueued = 1000;

class TaskRunner : public std::enable_shared_from_this<TaskRunner> {
 public:
  using Done = services::Completion<Bytes>;
  TaskRunner(std::shared_ptr<net::Workers> workers, Clock& clock)
      : workers_(std::move(workers)), clock_(clock) {}

  // The handle's end waits for runs of the task that are under way, except its own.
  // A quick task runs on the thread of run().
  Result<std::unique_ptr<services::Subscription>> add(std::string name,
                                                      services::TaskFunction task,
                                                      bool quick = false);
  void run(const std::string& name, Bytes argument, std::int64_t timeoutMillis, Done done);
  void close();  // what waits is refused, what runs is told that it is cancelled and waited for
  void countSubmitted() { ++submitted_; }
  services::ExecutorStats stats() const;

 private:
  struct Task {
    services::TaskFunction function;
    bool quick = false;
    int running = 0;
  };
  struct Job {
    std::string name;
    Bytes argument;
    std::int64_t deadline = 0;
    Done done;
  };
  class Handle;
  void work();
  void perform(Job job);
  void remove(const std::string& name);

  const std::shared_ptr<net::Workers> workers_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Task>> tasks_;
  std::deque<Job> jobs_;
  int active_ = 0;  // workers that take jobs
  std::size_t performing_ = 0;
  std::atomic<bool> closed_{false};
  services::ExecutorStats stats_;
  std::atomic<std::uint64_t> submitted_{0};
};

}  // namespace ox::grid
