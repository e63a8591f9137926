#include "runner.h"

#include "base/log.h"
#include "base/random.h"
#include "phase.h"

namespace ox::update {
namespace {

// Names of this prefix pass as they are, everything else is UPD-0022 with its cause.
Error asUpdateError(const Error& error, const std::string& schema) {
  if (error.name().substr(0, 4) == "UPD-" || error.code == Code::kShutdown) return error;
  return Error(Code::kUpdFailed, "updating schema " + schema + " failed: " + error.toString());
}

}  // namespace

std::vector<std::string> Runner::runningSchemas() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const services::SchemaRef& schema : running_) out.push_back(schema.schema);
  return out;
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
    if (!running_.insert(schema).second) {
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
  bool counted = false;
  for (const Concurrency kind : {Concurrency::kBlocking, Concurrency::kBackground}) {
    Separated due;
    {
      auto connection = database_.schemaWrite(schema);
      if (!connection)
        return updateSqlError(connection.error(), "connecting to schema " + schema.schema);
      auto state = loadUpdates(**connection, settings.idle);
      if (!state) return asUpdateError(state.error(), schema.schema);
      due = pendingTasks(tasks.tasks, exclusions, state->executed());
    }
    if ((kind == Concurrency::kBlocking ? due.blocking : due.background).empty()) continue;
    if (!counted) ++counts_.runs;
    counted = true;
    const PhaseInput input{schema, kind, tasks, exclusions, settings, runId};
    if (Status s = Phase(*this, input).run(report); !s) {
      if (s.error().code == Code::kUpdLocked) ++counts_.refused;
      if (s.error().code == Code::kUpdSuperseded) ++counts_.superseded;
      return asUpdateError(s.error(), schema.schema);
    }
  }
  return report;
}

}  // namespace ox::update
