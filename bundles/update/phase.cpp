#include "phase.h"

#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "fenced_rows.h"
#include "lease_keeper.h"
#include "run_history.h"
#include "table_sizes.h"

namespace ox::update {
namespace {

// A result row that conflicts with a neighbour's transaction is written again this often.
constexpr int kWriteTries = 5;
// A task whose connection was lost is performed this often altogether.
constexpr int kTaskTries = 3;

Error noConnection(const Error& error, const std::string& schema) {
  return updateSqlError(error, "connecting to schema " + schema);
}

}  // namespace

Status Phase::run(services::UpdateReport& report) {
  const std::string what = phaseName(in_.kind) + " updates on schema " + in_.schema.schema;
  log::info("Starting " + what);
  if (Status s = take(); !s) return s;
  Status result;
  try {
    result = work(report);
  } catch (const std::exception& e) {
    result = Error(Code::kUpdFailed, std::string("unexpected: ") + e.what());
  }
  at("ended");
  giveBack(result.ok() && sessionKept_);
  at("given-back");
  if (result) log::info("Finished " + what);
  return result;
}

MasterPolicy Phase::policy() const {
  return {in_.settings.masterRetryMillis, [this]() -> Status {
            if (runner_.stopping_) return Error(Code::kShutdown);
            if (in_.settings.control->aborted())
              return Error(Code::kBusy, "aborted while waiting for the master");
            return {};
          }};
}

Status Phase::openConnection() {
  if (connection_ && !(*connection_)->broken()) return {};
  connection_.reset();
  auto opened = openMaster(runner_.database_, in_.schema, true, policy(), runner_.clock_);
  if (!opened) return opened.error();
  connection_.emplace(std::move(*opened));
  runner_.setWork(in_.schema, {{}, static_cast<std::int64_t>((*connection_)->connectionId()),
                               runner_.clock_.steadyMillis()});
  // A statement that waits for a table stalls every reader behind it.
  auto patience = (*connection_)->execute("SET SESSION lock_wait_timeout = " +
                                          std::to_string(in_.settings.ddl.lockWaitSeconds));
  if (!patience) return updateSqlError(patience.error(), "setting lock_wait_timeout");
  // A successor must know which connection to look for. take() does the same for the first one.
  return lease_ ? lease_->bind(**connection_) : Status();
}

// The connection of the phase before, if nothing is begun on a read-only server with it.
bool Phase::adopt() {
  if (!in_.working) return false;
  connection_ = std::exchange(in_.working, std::nullopt);
  if (!writableMaster(**connection_, in_.schema.schema)) {
    connection_.reset();
    return false;
  }
  runner_.setWork(in_.schema, {{}, static_cast<std::int64_t>((*connection_)->connectionId()),
                               runner_.clock_.steadyMillis()});
  return true;
}

Status Phase::take() {
  if (!adopt()) {
    if (Status s = openConnection(); !s) return s;
    if (Status s = ensureTables(**connection_); !s) return s;
  }
  LeaseSettings settings;
  settings.idleMillis = in_.kind == Concurrency::kBlocking ? in_.settings.idle.lockedMillis
                                                           : in_.settings.idle.backgroundMillis;
  settings.owner = in_.settings.node.substr(0, 200) + "#" + secureHex(8);
  settings.leaseMillis = in_.settings.idle.lockedMillis;
  auto taken = SchemaLease::take(**connection_, in_.kind, settings, runner_.clock_);
  if (!taken && taken.error().code == Code::kUpdLocked) {
    // An owner whose time is over has no right to the rows any more, frozen or not.
    auto frozen = SchemaLease::expiredOwner(**connection_, in_.kind);
    if (frozen && *frozen) {
      if (Status s = endPredecessor(**connection_, **frozen, 0, policy().goOn, runner_.clock_); !s)
        return s;
      taken = SchemaLease::take(**connection_, in_.kind, settings, runner_.clock_);
    }
  }
  if (taken) {
    lease_ = std::move(*taken);
    at("taken");
    return {};
  }
  if (taken.error().code == Code::kUpdLocked) {
    return Error(Code::kUpdLocked, in_.schema.schema + ": " + taken.error().message);
  }
  // Whether the commit arrived is unknown; a row of this owner would keep everybody out.
  if (auto other = runner_.database_.schemaWrite(in_.schema); other) {
    if (Status s = SchemaLease::abandon(**other, in_.kind, settings.owner); !s)
      log::warn("a lock that may have been written on " + in_.schema.schema +
                " could not be removed: " + s.error().toString());
  }
  return taken.error();
}

Status Phase::beat() {
  auto connection = runner_.database_.schemaWrite(in_.schema);
  Status result = connection ? lease_->refresh(**connection)
                             : Status(noConnection(connection.error(), in_.schema.schema));
  if (result) {
    if (in_.kind == Concurrency::kBlocking) log::debug("refreshed lock of " + in_.schema.schema);
  } else if (result.error().code != Code::kUpdSuperseded) {
    ++runner_.counts_.refreshFailures;
    log::warn("refreshing the lock of schema " + in_.schema.schema + " failed: " +
              result.error().toString());
  }
  return result;
}

Status Phase::endPredecessorOfLease() {
  if (!lease_->predecessor()) return {};
  const auto goOn = [this]() -> Status {
    if (runner_.stopping_) return Error(Code::kShutdown);
    if (lease_->lost()) return Error(Code::kUpdSuperseded);
    if (in_.settings.control->aborted()) return Error(Code::kBusy, stopWord(StopReason::kAborted));
    return {};
  };
  if (Status s = endPredecessor(**connection_, *lease_->predecessor(),
                                in_.settings.takeoverWaitMillis, goOn, runner_.clock_);
      !s)
    return s;
  return lease_->bind(**connection_);
}

Result<std::vector<TaskPtr>> Phase::plan(const Executed& executed) const {
  if (in_.settings.forced.empty())
    return planPhase(in_.tasks.tasks, in_.exclusions, executed, in_.kind);
  auto forced = forcedTasks(in_.tasks.tasks, in_.settings.forced);
  if (!forced) return forced.error();
  return in_.kind == Concurrency::kBlocking ? forced->blocking : forced->background;
}

Status Phase::mayBegin(const services::UpdateTask& task) {
  if (runner_.stopping_)
    return Error(Code::kShutdown,
                 "the node is stopping, " + task.name() + " and what follows were not begun");
  // The surest look: ask the database now, not when the timer comes round.
  if (Status s = beat(); !s && (s.error().code == Code::kUpdSuperseded || lease_->lost()))
    return Error(Code::kUpdSuperseded, s.error().message + "; stopped before " + task.name());
  return {};
}

Status Phase::work(services::UpdateReport& report) {
  LeaseKeeper keeper(in_.settings.refreshMillis, [this] { static_cast<void>(beat()); });
  if (in_.kind == Concurrency::kBlocking) runner_.invalidate(in_.schema);
  if (Status s = endPredecessorOfLease(); !s) {
    if (!in_.settings.control->aborted()) return s;
    report.stopped = stopWord(StopReason::kAborted);
    return {};
  }
  at("predecessor-ended");
  // Under the lock: what another node has done meanwhile vanishes from the list.
  auto state = loadUpdates(**connection_, in_.settings.idle);
  if (!state) return state.error();
  Executed executed = state->executed(in_.settings.control->retriesFailed());
  auto tasks = plan(executed);
  if (!tasks) return tasks.error();
  at("planned");
  for (const TaskPtr& task : *tasks) {
    const StopReason reason = in_.settings.control->reason(runner_.clock_);
    if (reason != StopReason::kNone) {
      report.stopped = stopWord(reason);
      log::info("The run on schema " + in_.schema.schema + " ends before " + task->name() + ": " +
                report.stopped);
      return {};
    }
    if (Status s = mayBegin(*task); !s) return s;
    if (Status s = runTask(*task, executed, report); !s) return s;
    if (!report.stopped.empty()) return {};
  }
  return {};
}

// The time may also be over because the database stood still, as a Galera cluster does during an
// ALTER TABLE: then nobody else could take the lease either.
bool Phase::overtaken() {
  if (!lease_->lost()) return false;
  static_cast<void>(beat());
  return lease_->lost();
}

DdlSettings Phase::ddl(const services::UpdateTask& task) {
  DdlSettings out = in_.settings.ddl;
  out.progress = [this, name = task.name()](const std::string& line) {
    log::info(name + " on " + in_.schema.schema + ": " + line);
  };
  out.stop = [this] {
    return runner_.stopping_ || overtaken() || in_.settings.control->aborted();
  };
  return out;
}

Status Phase::perform(services::UpdateTask& task) {
  TableSizes sizes;
  DdlSettings settings = ddl(task);
  settings.size = [&](db::Connection& connection, const std::string& table) {
    return sizes.of(connection, table);
  };
  services::UpdateContext context{
      **connection_, in_.schema,
      [&](const std::string& line) {
        log::info(task.name() + " on " + in_.schema.schema + ": " + line);
      },
      [this] { return overtaken(); },
      [&](const std::string& sql) {
        sizes.begins(sql);
        return changesRows(sql) ? changeRows(**connection_, sql, *lease_, settings)
                                : changeTable(**connection_, sql, settings);
      },
      [&](const std::vector<std::string>& statements) { sizes.announce(statements); }};
  try {
    return task.perform(context);
  } catch (const std::exception& e) {
    return Error(Code::kUpdTaskFailed, std::string("unexpected: ") + e.what());
  }
}

Result<Status> Phase::attempt(services::UpdateTask& task, const Executed& executed,
                              std::uint64_t& row) {
  const std::string& name = task.name();
  for (int i = 1;; ++i) {
    if (Status s = openConnection(); !s) return s.error();
    auto started = recordStart(**connection_, {in_.runId, name, lease_->kind(), lease_->fence(),
                                               lease_->owner(), task.contentSum()});
    if (!started) return started.error();
    row = *started;
    at("start-recorded");
    // A forced task runs whatever its dependencies say.
    if (Status s = checkDependencies(task, executed); !s && in_.settings.forced.empty()) return s;
    log::info("Starting update task " + name + " on schema " + in_.schema.schema);
    runner_.setWork(in_.schema, {name, static_cast<std::int64_t>((*connection_)->connectionId()),
                                 runner_.clock_.steadyMillis()});
    Status result = perform(task);
    runner_.setWork(in_.schema, {{}, static_cast<std::int64_t>((*connection_)->connectionId()),
                                 runner_.clock_.steadyMillis()});
    at("performed");
    if (result || !masterTrouble(**connection_)) return result;
    // The master, not the task: wait for it, make sure that the lease is still ours, do it again.
    const Error error = updateSqlError(result.error(), "performing " + name);
    if (i >= kTaskTries) return Error(Code::kUpdNoConnection, error.message);
    log::warn("update task " + name + " on schema " + in_.schema.schema +
              " lost its master and is performed again: " + error.toString());
    connection_.reset();
    if (Status s = openConnection(); !s) return s.error();
    if (Status s = mayBegin(task); !s) return s.error();
  }
}

Status Phase::runTask(services::UpdateTask& task, Executed& executed,
                      services::UpdateReport& report) {
  const std::string& name = task.name();
  const std::int64_t began = runner_.clock_.steadyMillis();
  std::uint64_t runRow = 0;
  sessionKept_ = sessionKept_ && task.keepsSession();
  auto attempted = attempt(task, executed, runRow);
  if (!attempted) return attempted.error();
  const Status& result = *attempted;
  const std::string took = std::to_string(runner_.clock_.steadyMillis() - began) + " ms";
  if (!result && result.error().code == Code::kUpdSuperseded) return result;
  if (!result && in_.settings.control->aborted()) {
    // Its statement was killed: no result, so that the task stays pending.
    report.stopped = stopWord(StopReason::kAborted);
    log::warn("Update task " + name + " on schema " + in_.schema.schema + " was aborted (" + took +
              "): " + result.error().toString());
    return {};
  }
  if (!result && result.error().code == Code::kBusy) {
    // A table stayed in use: not done, not failed, pending.
    if (Status s = recordEnd(**connection_, runRow, false, result.error().message); !s)
      return updateSqlError(s.error(), "writing the history of " + name);
    return Error(Code::kBusy, "update task " + name + " on schema " + in_.schema.schema +
                                  " stays pending: " + result.error().message);
  }
  // What failed before has a row although it is not among the executed ones when it is repeated.
  const bool isNew = !executed.contains(name) && !in_.settings.control->retriesFailed();
  if (Status s = writeEnd(name, runRow, result, isNew); !s) return s;
  at("result-written");
  executed[name] = result.ok();
  if (result) {
    ++runner_.counts_.tasksSucceeded;
    report.executed.push_back(name);
    log::info("Update task " + name + " on schema " + in_.schema.schema + " done (" + took + ")");
  } else {
    ++runner_.counts_.tasksFailed;
    report.failed.push_back({name, in_.schema.schema, result.error().toString()});
    log::error("Update task " + name + " on schema " + in_.schema.schema + " failed (" + took +
               "): " + result.error().toString());
  }
  return {};
}

Status Phase::writeEnd(const std::string& task, std::uint64_t runRow, const Status& result,
                       bool isNew) {
  Status last;
  for (int i = 0; i < kWriteTries; ++i) {
    if (last = openConnection(); !last) return last;
    db::Connection& connection = **connection_;
    // Nothing of the task may be left open. (What the server said last is not known after an error.)
    if (!result || connection.inTransaction()) connection.rollback();
    last = [&]() -> Status {
      auto transaction = db::Transaction::begin(connection);
      if (!transaction) return transaction.error();
      if (Status s = lease_->guard(connection); !s) return s;
      // A try before may have been written, its answer lost.
      if (Status s = writeResult(connection, task, result.ok(), isNew && i == 0); !s) return s;
      const std::string text = result ? std::string() : result.error().toString();
      if (Status s = recordEnd(connection, runRow, result.ok(), text); !s) return s;
      return transaction->commit();
    }();
    if (last || last.error().code == Code::kUpdSuperseded) return last;
    if (!isConflict(last.error()) && last.error().code != Code::kDbNoConnection) break;
  }
  return updateSqlError(last.error(), "writing the result of " + task);
}

void Phase::giveBack(bool keep) {
  std::optional<db::Lease> worked = std::exchange(connection_, std::nullopt);
  if (!keep || (worked && ((*worked)->broken() || (*worked)->inTransaction()))) worked.reset();
  auto connection = openMaster(runner_.database_, in_.schema, false, policy(), runner_.clock_);
  Status released = connection ? lease_->release(**connection) : Status(connection.error());
  if (released) in_.working = std::move(worked);
  else
    log::warn("the lock of schema " + in_.schema.schema + " was not given back: " +
              released.error().toString());
  runner_.invalidate(in_.schema);
}

}  // namespace ox::update
