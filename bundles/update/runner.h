// Runner: one run of the pending update tasks of one schema.
//
// Purpose:   the flow of the original's UpdateExecutor (phases blocking, then background; lock;
//            contexts invalidated before and after; state read again under the lock; dependencies
//            looked at again before each task; a failed task does not stop the next), made safe by
//            the fenced lease of schema_lease.h.
// Threads:   run() blocks its caller; several schemas may run at once, each with a thread that
//            refreshes the lease; a schema that already runs in this process is UPD-0003.
// Ownership: borrows database and cache events; stop() (then waiting for the callers of run) must
//            precede their end.
// Ending:    RunControl is looked at before each task; a run that ends early says so in
//            report.stopped and leaves the rest pending.
// Errors:    UPD-0003 locked, UPD-0028 superseded (stops before the next task), UPD-0008 the master
//            stayed away or read-only (master.h), UPD-0019, UPD-0024 (forced, unknown), UPD-0022
//            for what is not the failure of one task. A failed task is in the report instead.
// source: the original's UpdateExecutor and UpdateProcess (order of steps, log lines).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "ddl.h"
#include "run_control.h"
#include "schema_lease.h"
#include "services/cache_events.h"
#include "services/database.h"
#include "services/updates.h"
#include "task_order.h"
#include "update_table.h"

namespace ox::update {

struct RunnerSettings {
  std::int64_t refreshMillis = 20000;
  db::IdleLimits idle;
  std::string node;  // host and process, becomes part of the lease's owner
  std::int64_t takeoverWaitMillis = 600000;  // for what a dead runner left running, then KILL
  std::int64_t masterRetryMillis = 60000;    // for a vanished or read-only master
  DdlSettings ddl;  // progress and stop are set by the phase
  std::shared_ptr<RunControl> control = std::make_shared<RunControl>();
  // Exactly these tasks, whether or not executed or excluded (forceupdatetask); empty = what is due.
  std::vector<std::string> forced;
  std::function<void(const std::string& point)> probe;  // tests only: called at each named point
};

// Installed tasks and what cannot be used; problems become failures of the report.
struct TaskSet {
  std::vector<TaskPtr> tasks;
  std::vector<services::TaskFailure> problems;  // schema filled by the runner
};

struct RunnerCounts {
  std::atomic<std::uint64_t> runs{0};
  std::atomic<std::uint64_t> tasksSucceeded{0};
  std::atomic<std::uint64_t> tasksFailed{0};
  std::atomic<std::uint64_t> refused{0};     // UPD-0003
  std::atomic<std::uint64_t> superseded{0};
  std::atomic<std::uint64_t> refreshFailures{0};
};

class Runner {
 public:
  Runner(services::DatabaseService& database, services::CacheEvents* cacheEvents,
         Clock& clock = systemClock())
      : database_(database), cacheEvents_(cacheEvents), clock_(clock) {}

  Result<services::UpdateReport> run(const services::SchemaRef& schema, const TaskSet& tasks,
                                     const Exclusions& exclusions, const RunnerSettings& settings);
  // From now on no further task is begun; what runs is finished first.
  void stop() { stopping_ = true; }
  // Ends the statement that the run on this schema executes now (KILL QUERY). The run must have
  // been told to abort before (RunControl), else it counts the task as failed. UPD-0005 when this
  // process does not update the schema.
  Status killRunning(const services::SchemaRef& schema);
  // Everybody forgets what is known of the schema and its contexts.
  void invalidate(const services::SchemaRef& schema);

  const RunnerCounts& counts() const { return counts_; }
  std::vector<std::string> runningSchemas() const;
  // What the run on a schema does now; nothing when there is none.
  struct Work {
    std::string task;            // empty = between tasks
    std::int64_t connectionId = 0;
    std::int64_t sinceSteady = 0;
  };
  std::optional<Work> work(const services::SchemaRef& schema) const;

 private:
  friend class Phase;
  void setWork(const services::SchemaRef& schema, Work work);
  void warnChanged(db::Connection& connection, const services::SchemaRef& schema,
                   const TaskSet& tasks);

  services::DatabaseService& database_;
  services::CacheEvents* cacheEvents_;
  Clock& clock_;
  std::atomic<bool> stopping_{false};
  RunnerCounts counts_;
  mutable std::mutex mutex_;
  std::map<services::SchemaRef, Work> running_;
};

}  // namespace ox::update
