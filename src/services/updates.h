// Update tasks. bundles/update offers "updates"; bundles that bring tasks offer
// "update-task-provider" (several may).
//
// Purpose:   migrate user schemas under a lease, watched and resumable.
// Threads:   run() blocks its caller for the whole run; everything else is short.
// Names:     a task's name is its identity for ever; the original's Java class names are kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/connection.h"
#include "services/database.h"

namespace ox::services {

enum class Concurrency : std::uint8_t { kBlocking, kBackground };

struct UpdateContext {
  db::Connection& connection;  // schema selected, autocommit on, without read timeout
  SchemaRef schema;
  std::function<void(const std::string&)> progress;  // one line for the log
  std::function<bool()> superseded;  // true: another runner owns the lease, stop
  // ALTER TABLE and the like: size, disk and lock are looked at first, a lock is waited for briefly
  // and again. INSERT, UPDATE, DELETE, REPLACE: a transaction that ends with the proof that the lease
  // is still ours, so that an overtaken runner changes no row. Unset = connection.execute(). Result:
  // rows changed.
  std::function<Result<std::uint64_t>(const std::string& sql)> change;
  // All statements that will be changed with, in their order: what is looked at before each is then
  // looked up together. Optional, also for the task.
  std::function<void(const std::vector<std::string>& statements)> announce = {};
};
inline Result<std::uint64_t> changeTable(UpdateContext& context, const std::string& sql) {
  return context.change ? context.change(sql) : context.connection.execute(sql);
}

class UpdateTask {
 public:
  virtual ~UpdateTask() = default;
  virtual const std::string& name() const = 0;
  virtual std::vector<std::string> dependencies() const { return {}; }
  virtual Concurrency concurrency() const { return Concurrency::kBlocking; }
  virtual std::string nameSpace() const { return {}; }  // e.g. groupware.utf8mb4
  virtual std::string description() const { return {}; }
  // Differs when the content of a task was changed under its name; empty = nobody watches that.
  virtual std::string contentSum() const { return {}; }
  // The statements that perform() would run now on this schema, without running them; empty = not
  // known before the run, or nothing to do.
  virtual Result<std::vector<std::string>> preview(UpdateContext&) {
    return std::vector<std::string>{};
  }
  // perform() leaves the connection as it found it: no variable of the session changed, no temporary
  // table. Then the connection serves the rest of the run, too.
  virtual bool keepsSession() const { return false; }
  // Must check the schema before it acts: it may run again after a crash.
  virtual Status perform(UpdateContext& context) = 0;
};

class UpdateTaskProvider {
 public:
  virtual ~UpdateTaskProvider() = default;
  virtual std::vector<std::shared_ptr<UpdateTask>> tasks() = 0;
};

struct TaskRow {  // one line of listUpdateTasks
  std::string name;
  bool executed = false;
  bool successful = false;
  std::int64_t lastModified = 0;  // ms since 1970
  std::string state;   // pending, failed, excluded, ...
  std::string reason;
};

struct TaskFailure {
  std::string task;
  std::string schema;
  std::string reason;
};

struct UpdateReport {
  std::vector<std::string> executed;
  std::vector<TaskFailure> failed;
  std::string stopped;  // why it ended before everything was done: "aborted", ...; else empty
  // What an older cluster was not told (services/upgrade_bridge.h), one sentence each.
  std::vector<std::string> undelivered;
};

class UpdateService {
 public:
  virtual ~UpdateService() = default;
  // Runs what is pending; UPD-0003 when another runner holds the schema.
  virtual Result<UpdateReport> run(const SchemaRef& schema) = 0;
  virtual Result<std::vector<TaskRow>> list(const SchemaRef& schema) = 0;
  // Marks every known, not excluded task as done: for a schema that was just created.
  virtual Status markAllExecuted(const SchemaRef& schema, db::Connection& connection) = 0;
};

}  // namespace ox::services
