#include "runner.h"

#include "base/log.h"
#include "base/random.h"
#include "master.h"
#include "phase.h"
#include "run_history.h"

namespace ox::update {
namespace {

// Names of this prefix pass as they are, everything else is UPD-0022 with its cause.
Error asUpdateError(const Error& error, const std::string& schema) {
  if (error.name().substr(0, 4) == "UPD-" || error.code == Code::kShutdown ||
      error.code == Code::kBusy)
    return error;
  return Error(Code::kUpdFailed, "updating schema " + schema + " failed: " + error.toString());
}

Result<Separated> dueTasks(const TaskSet& tasks, const Exclusions& exclusions,
                           const RunnerSettings& settings, const Executed& executed) {
  if (settings.forced.empty()) return pendingTasks(tasks.tasks, exclusions, executed);
  return forcedTasks(tasks.tasks, settings.forced);
}

}  // namespace

std::vector<std::string> Runner::runningSchemas() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [schema, work] : running_) out.push_back(schema.schema);
  return out;
}

std::optional<Runner::Work> Runner::work(const services::SchemaRef& schema) const {
  std::lock_guard lock(mutex_);
  const auto found = running_.find(schema);
  if (found == running_.end()) return std::nullopt;
  return found->second;
}

void Runner::setWork(const services::SchemaRef& schema, Work work) {
  std::lock_guard lock(mutex_);
  running_[schema] = std::move(work);
}

void Runner::warnChanged(db::Connection& connection, const services::SchemaRef& schema,
                         const TaskSet& tasks) {
  auto changed = changedSinceExecuted(connection, tasks.tasks);
  if (!changed) return;  // a report, no reason to stop
  for (const std::string& name : *changed)
    log::warn("update task " + name + " was changed since it was executed on schema " +
              schema.schema + "; it is not executed again");
}

Status Runner::killRunning(const services::SchemaRef& schema) {
  const auto now = work(schema);
  if (!now)
    return Error(Code::kUpdNotLocked, "this node does not update schema " + schema.schema);
  if (now->task.empty() || now->connectionId == 0) return {};
  auto connection = database_.schemaWrite(schema);
  if (!connection)
    return updateSqlError(connection.error(), "connecting to schema " + schema.schema);
  return killThread(**connection, now->connectionId, false);
}

void Runner::invalidate(const services::SchemaRef& schema) {
  if (cacheEvents_ == nullptr) {
    log::warn("no bundle offers cache-events: other nodes learn of the update of " +
              schema.schema + " only when they ask the database");
    return;
  }
  services::CacheEvent state;
  state.region = services::kRegionSchema;
  state.keys.push_back({schema.writePoolId, {schema.schema}});
  cacheEvents_->publish(state);
  auto ids = database_.contextsIn(schema);
  if (!ids) {
    log::warn("the contexts of schema " + schema.schema + " could not be invalidated: " +
              ids.error().toString());
    return;
  }
  if (ids->empty()) return;
  services::CacheEvent contexts;
  contexts.region = services::kRegionContext;
  contexts.keys.reserve(ids->size());
  for (const std::int32_t id : *ids) contexts.keys.push_back({id, {}});
  cacheEvents_->publish(contexts);
}

Result<services::UpdateReport> Runner::run(const services::SchemaRef& schema, const TaskSet& tasks,
                                           const Exclusions& exclusions,
                                           const RunnerSettings& settings) {
  if (stopping_) return Error(Code::kShutdown);
  {
    std::lock_guard lock(mutex_);
    if (!running_.try_emplace(schema).second) {
      ++counts_.refused;
      return Error(Code::kUpdLocked, "this node is updating schema " + schema.schema + " already");
    }
  }
  struct Leave {
    Runner& runner;
    const services::SchemaRef& schema;
    ~Leave() {
      std::lock_guard lock(runner.mutex_);
      runner.running_.erase(schema);
    }
  } leave{*this, schema};

  services::UpdateReport report;
  report.failed = tasks.problems;
  for (services::TaskFailure& problem : report.failed) problem.schema = schema.schema;
  const std::string runId = secureHex(16);
  const auto goOn = [this] { return stopping_ ? Status(Error(Code::kShutdown)) : Status(); };
  const MasterPolicy policy{settings.masterRetryMillis, goOn};
  bool counted = false;
  Separated due;
  bool blockingLeftBehind = false, backgroundLeftBehind = false;
  {
    auto connection = openMaster(database_, schema, false, policy, clock_);
    if (!connection) return connection.error();
    auto state = loadUpdates(**connection, settings.idle);
    if (!state) return asUpdateError(state.error(), schema.schema);
    warnChanged(**connection, schema, tasks);
    auto wanted = dueTasks(tasks, exclusions, settings,
                           state->executed(settings.control->retriesFailed()));
    if (!wanted) return wanted.error();
    due = std::move(*wanted);
    blockingLeftBehind = state->blockingLeftBehind;
    backgroundLeftBehind = state->backgroundLeftBehind;
  }
  std::optional<db::Lease> working;  // from phase to phase
  for (const Concurrency kind : {Concurrency::kBlocking, Concurrency::kBackground}) {
    const bool blocking = kind == Concurrency::kBlocking;
    // A runner that died after its last task left the lock: taken and given back.
    if ((blocking ? due.blocking : due.background).empty() &&
        !(blocking ? blockingLeftBehind : backgroundLeftBehind))
      continue;
    if (!counted) ++counts_.runs;
    counted = true;
    const PhaseInput input{schema, kind, tasks, exclusions, settings, runId, working};
    if (Status s = Phase(*this, input).run(report); !s) {
      if (s.error().code == Code::kUpdLocked) ++counts_.refused;
      if (s.error().code == Code::kUpdSuperseded) ++counts_.superseded;
      return asUpdateError(s.error(), schema.schema);
    }
    if (!report.stopped.empty()) break;
  }
  return report;
}

}  // namespace ox::update
