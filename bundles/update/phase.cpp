#include "phase.h"

#include "base/log.h"
#include "base/random.h"
#include "lease_keeper.h"
#include "run_history.h"

namespace ox::update {
namespace {

// A result row that conflicts with a neighbour's transaction is written again this often.
constexpr int kWriteTries = 5;

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
  giveBack();
  if (result) log::info("Finished " + what);
  return result;
}

Status Phase::openConnection() {
  if (connection_ && !(*connection_)->broken()) return {};
  connection_.reset();
  auto opened = runner_.database_.schemaWrite(in_.schema, true);
  if (!opened) return noConnection(opened.error(), in_.schema.schema);
  connection_.emplace(std::move(*opened));
  return {};
}

Status Phase::take() {
  if (Status s = openConnection(); !s) return s;
  if (Status s = ensureTables(**connection_); !s) return s;
  LeaseSettings settings;
  settings.idleMillis = in_.kind == Concurrency::kBlocking ? in_.settings.idle.lockedMillis
                                                           : in_.settings.idle.backgroundMillis;
  settings.owner = in_.settings.node.substr(0, 200) + "#" + secureHex(8);
  auto taken = SchemaLease::take(**connection_, in_.kind, settings, runner_.clock_);
  if (taken) {
    lease_ = std::move(*taken);
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

Status Phase::work(services::UpdateReport& report) {
  if (in_.kind == Concurrency::kBlocking) runner_.invalidate(in_.schema);
  // Under the lock: what another node has done meanwhile vanishes from the list.
  auto state = loadUpdates(**connection_, in_.settings.idle);
  if (!state) return state.error();
  Executed executed = state->executed();
  auto plan = planPhase(in_.tasks.tasks, in_.exclusions, executed, in_.kind);
  if (!plan) return plan.error();
  LeaseKeeper keeper(in_.settings.refreshMillis, [this] { static_cast<void>(beat()); });
  for (const TaskPtr& task : *plan) {
    if (runner_.stopping_)
      return Error(Code::kShutdown, "the node is stopping, " + task->name() +
                                        " and what follows were not begun");
    // The surest look: ask the database now, not when the timer comes round.
    if (Status s = beat(); !s && (s.error().code == Code::kUpdSuperseded || lease_->lost()))
      return Error(Code::kUpdSuperseded, s.error().message + "; stopped before " + task->name());
    if (Status s = runTask(*task, executed, report); !s) return s;
  }
  return {};
}

Status Phase::perform(services::UpdateTask& task) {
  services::UpdateContext context{
      **connection_, in_.schema,
      [&](const std::string& line) {
        log::info(task.name() + " on " + in_.schema.schema + ": " + line);
      },
      [this] { return lease_->lost(); }};
  try {
    return task.perform(context);
  } catch (const std::exception& e) {
    return Error(Code::kUpdTaskFailed, std::string("unexpected: ") + e.what());
  }
}

Status Phase::runTask(services::UpdateTask& task, Executed& executed,
                      services::UpdateReport& report) {
  const std::string& name = task.name();
  if (Status s = openConnection(); !s) return s;
  auto runRow = recordStart(**connection_, {in_.runId, name, lease_->kind(), lease_->fence(),
                                            lease_->owner()});
  if (!runRow) return runRow.error();
  const std::int64_t began = runner_.clock_.steadyMillis();
  Status result = checkDependencies(task, executed);
  if (result) {
    log::info("Starting update task " + name + " on schema " + in_.schema.schema);
    result = perform(task);
  }
  const std::string took = std::to_string(runner_.clock_.steadyMillis() - began) + " ms";
  if (!result && result.error().code == Code::kUpdSuperseded) return result;
  if (Status s = writeEnd(name, *runRow, result); !s) return s;
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

Status Phase::writeEnd(const std::string& task, std::uint64_t runRow, const Status& result) {
  Status last;
  for (int i = 0; i < kWriteTries; ++i) {
    if (last = openConnection(); !last) return last;
    db::Connection& connection = **connection_;
    connection.rollback();  // nothing of the task may be left open
    last = [&]() -> Status {
      auto transaction = db::Transaction::begin(connection);
      if (!transaction) return transaction.error();
      if (Status s = lease_->guard(connection); !s) return s;
      if (Status s = writeResult(connection, task, result.ok()); !s) return s;
      const std::string text = result ? std::string() : result.error().toString();
      if (Status s = recordEnd(connection, runRow, result.ok(), text); !s) return s;
      return transaction->commit();
    }();
    if (last || last.error().code == Code::kUpdSuperseded) return last;
    if (!isConflict(last.error()) && last.error().code != Code::kDbNoConnection) break;
  }
  return updateSqlError(last.error(), "writing the result of " + task);
}

void Phase::giveBack() {
  connection_.reset();
  auto connection = runner_.database_.schemaWrite(in_.schema);
  Status released = connection ? lease_->release(**connection)
                               : Status(noConnection(connection.error(), in_.schema.schema));
  if (!released)
    log::warn("the lock of schema " + in_.schema.schema + " was not given back: " +
              released.error().toString());
  runner_.invalidate(in_.schema);
}

}  // namespace ox::update
