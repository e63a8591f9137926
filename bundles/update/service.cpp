#include "service.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "base/log.h"
#include "config/keys_update.h"
#include "exclusions.h"
#include "sql_file_task.h"
#include "tasks/builtin.h"
#include "task_list.h"
#include "update_slots.h"

namespace ox::update {
namespace {

constexpr std::int64_t kDefaultRefreshMillis = 20000;

// One thread per database host, at most kMaxCheckThreads; a host's schemas one after the other.
void eachHostAtOnce(const std::vector<services::SchemaRef>& schemas,
                    const std::function<void(std::size_t)>& look) {
  std::map<std::int32_t, std::vector<std::size_t>> hosts;
  for (std::size_t i = 0; i < schemas.size(); ++i) hosts[schemas[i].writePoolId].push_back(i);
  std::vector<std::vector<std::size_t>> shares(std::min(hosts.size(), kMaxCheckThreads));
  std::size_t next = 0;
  for (const auto& [pool, of] : hosts) {
    auto& share = shares[next++ % shares.size()];
    share.insert(share.end(), of.begin(), of.end());
  }
  std::vector<std::jthread> threads;
  for (const auto& share : shares)
    threads.emplace_back([&look, &share] {
      log::setThreadName("update-check");
      for (const std::size_t at : share) look(at);
    });
}

int rank(const std::string& status) {
  if (status == kStatusNeedsUpdate) return 0;
  if (status == kStatusRunning) return 1;
  return status == kStatusTooLong ? 2 : 3;
}

}  // namespace

std::string UpdateServiceImpl::nodeName() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "unknown:" + std::to_string(getpid());
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

std::string statusWord(const SchemaUpdates& updates, bool pending) {
  const db::SchemaState& state = updates.state;
  if (state.blocking.fresh) {
    // Our runners refresh the row, so its age says nothing; the lease knows when it was taken.
    const std::int64_t since =
        updates.leaseTaken > 0 ? updates.leaseTaken : state.blocking.lastModified;
    return state.databaseMillis - since > kTooLongMillis ? kStatusTooLong : kStatusRunning;
  }
  return pending ? kStatusNeedsUpdate : "";
}

UpdateServiceImpl::UpdateServiceImpl(std::shared_ptr<config::ConfigService> config,
                                     std::shared_ptr<services::DatabaseService> database,
                                     std::shared_ptr<services::CacheEvents> cacheEvents,
                                     Providers providers, Bridges bridges)
    : config_(std::move(config)),
      database_(std::move(database)),
      cacheEvents_(std::move(cacheEvents)),
      providers_(std::move(providers)),
      bridges_(std::move(bridges)),
      runner_(*database_, cacheEvents_.get()),
      implicit_([this](const services::SchemaRef& schema) { return run(schema); }, systemClock(),
                [this](std::int32_t poolId, int limit) {
                  return takeUpdateSlot(*database_, poolId, limit);
                }) {}

TaskSet UpdateServiceImpl::gather() const {
  TaskSet out;
  std::set<std::string> names;
  const auto add = [&](const TaskPtr& task, const std::string& from) {
    if (!isTaskName(task->name()))
      out.problems.push_back({from, {}, "task name '" + task->name() + "' is not allowed"});
    else if (out.tasks.size() >= kMaxTasks)
      out.problems.push_back(
          {task->name(), {}, "more than " + std::to_string(kMaxTasks) + " tasks"});
    else if (!names.insert(task->name()).second)
      out.problems.push_back({task->name(), {}, from + " brings a task whose name is taken"});
    else
      out.tasks.push_back(task);
  };
  for (const TaskPtr& task : BuiltinTasks().tasks()) add(task, "bundle update");
  for (const auto& provider : providers_())
    for (const TaskPtr& task : provider->tasks()) add(task, "a task provider");
  SqlFiles files = readSqlFiles(config_->current()->directory());
  for (const TaskPtr& task : files.tasks)
    add(task, static_cast<const SqlFileTask&>(*task).file().file);
  for (SqlFileProblem& problem : files.problems) {
    log::warn("an update task file cannot be used: " + problem.file + ": " + problem.text);
    out.problems.push_back({problem.file, {}, problem.text});
  }
  return out;
}

RunnerSettings UpdateServiceImpl::settings() const {
  const auto config = config_->current();
  RunnerSettings out;
  const std::int64_t refresh = config->get(config::keys::kUpdateRefreshInterval);
  out.refreshMillis = refresh > 0 ? refresh : kDefaultRefreshMillis;
  out.idle.lockedMillis = config->get(config::keys::kUpdateLockedIdle);
  out.idle.backgroundMillis = config->get(config::keys::kUpdateBackgroundIdle);
  out.takeoverWaitMillis = config->get(config::keys::kUpdateTakeoverWait);
  out.masterRetryMillis = config->get(config::keys::kUpdateMasterRetry);
  out.ddl.lockWaitSeconds = config->get(config::keys::kUpdateLockWait);
  out.ddl.tries = static_cast<int>(config->get(config::keys::kUpdateLockTries));
  out.node = nodeName();
  return out;
}

Result<services::UpdateReport> UpdateServiceImpl::run(const services::SchemaRef& schema) {
  return run(schema, {});
}

Result<services::UpdateReport> UpdateServiceImpl::run(const services::SchemaRef& schema,
                                                      const RunWishes& wishes) {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  const auto config = config_->current();
  if (config->get(config::keys::kAllowPermanentPush) && !pushWarned_.exchange(true))
    log::warn("com.openexchange.push.allowPermanentPush=true: a node that runs update tasks should "
              "hold no push listeners, which use the schemas meanwhile; set it to false here");
  RunnerSettings settings = this->settings();
  settings.forced = wishes.forced;
  if (wishes.control) settings.control = wishes.control;
  // A job has many schemas and does not wait for each.
  const BridgeMarks marks = wishes.control ? BridgeMarks() : bridgeMarks();
  auto report = runner_.run(schema, gather(), readExclusions(*config), settings);
  if (!report) return report;
  report->undelivered = settled(marks);
  return report;
}

UpdateServiceImpl::BridgeMarks UpdateServiceImpl::bridgeMarks() const {
  BridgeMarks out;
  if (bridges_)
    for (auto& bridge : bridges_()) out.emplace_back(bridge, bridge->mark());
  return out;
}

std::vector<std::string> UpdateServiceImpl::settled(const BridgeMarks& marks) {
  std::vector<std::string> out;
  for (const auto& [bridge, mark] : marks)
    for (auto& text : bridge->settle(mark, kBridgeWaitMillis)) out.push_back(std::move(text));
  return out;
}

Status UpdateServiceImpl::onContextLoad(const services::SchemaRef& schema,
                                        db::Connection& connection) {
  Gate::Visit visit(gate_);
  if (!visit) return {};
  const auto config = config_->current();
  auto updates = loadUpdates(connection, settings().idle);
  if (!updates) return {};  // the runner tells what is wrong; a log-in is not refused for it
  const Separated due =
      pendingTasks(gather().tasks, readExclusions(*config), updates->executed());
  const LoadView view{!due.blocking.empty(), !due.background.empty(),
                      updates->state.blocking.fresh || updates->state.background.fresh};
  switch (loadAction(view, config->get(config::keys::kDenyImplicitUpdateOnContextLoad))) {
    case LoadAction::kNothing: return {};
    case LoadAction::kDeny: return Error(Code::kCtxUpdateNeeded);
    case LoadAction::kStart:
    case LoadAction::kStartAndRefuse: break;
  }
  const auto limit = static_cast<int>(config->get(config::keys::kImplicitUpdatesPerDatabase));
  const bool started = implicit_.start(schema, limit);
  return started && view.blockingPending ? Status(Error(Code::kCtxUpdating)) : Status();
}

Result<std::vector<services::TaskRow>> UpdateServiceImpl::list(const services::SchemaRef& schema) {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  auto connection = database_->schemaWrite(schema);
  if (!connection)
    return updateSqlError(connection.error(), "connecting to schema " + schema.schema);
  auto updates = loadUpdates(**connection, settings().idle);
  if (!updates) return updates.error();
  const TaskSet tasks = gather();
  auto rows = taskRows(tasks, readExclusions(*config_->current()), updates->state);
  if (Status s = addFailureTexts(**connection, rows); !s) return s.error();
  if (Status s = addChanged(**connection, tasks, rows); !s) return s.error();
  return rows;
}

Status UpdateServiceImpl::markAllExecuted(const services::SchemaRef& schema,
                                          db::Connection& connection) {
  // Only when missing: DDL would end a transaction of the caller.
  auto exists = tableExists(connection, "updateTask");
  if (!exists) return exists.error();
  if (!*exists) {
    if (Status s = db::ensureUpdateTaskTable(connection); !s)
      return updateSqlError(s.error(), "creating updateTask in " + schema.schema);
  }
  const Exclusions exclusions = readExclusions(*config_->current());
  for (const TaskPtr& task : gather().tasks) {
    if (exclusions.excluded(*task)) continue;
    if (Status s = writeResult(connection, task->name(), true); !s)
      return updateSqlError(s.error(), "marking " + task->name() + " in " + schema.schema);
  }
  return {};
}

Result<services::SchemaRef> UpdateServiceImpl::schemaOfContext(std::int32_t contextId) {
  auto assignment = database_->assignment(contextId);
  if (!assignment) return assignment.error();
  return services::SchemaRef{assignment->writePoolId, assignment->schema};
}

Result<services::SchemaRef> UpdateServiceImpl::schemaByName(const std::string& name) {
  return database_->findSchema(name);
}

Result<std::string> UpdateServiceImpl::statusOf(const services::SchemaRef& schema,
                                                const TaskSet& tasks,
                                                const Exclusions& exclusions,
                                                const db::IdleLimits& idle) {
  auto connection = database_->schemaWrite(schema);
  if (!connection) return connection.error();
  auto updates = loadUpdates(**connection, idle);
  if (!updates) return updates.error();
  return statusWord(*updates,
                    !pendingTasks(tasks.tasks, exclusions, updates->executed()).empty());
}

Result<std::vector<DatabaseStatus>> UpdateServiceImpl::checkDatabases() {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  auto schemas = database_->schemas();
  if (!schemas) return schemas.error();
  std::map<std::int32_t, std::pair<std::string, std::string>> pools;
  {
    auto config = database_->configRead();
    if (!config) return config.error();
    auto rows = (*config)->query("SELECT db_pool_id, name, url FROM db_pool");
    if (!rows) return rows.error();
    for (const db::Row& row : *rows)
      pools[static_cast<std::int32_t>(row.integer(0))] = {row.text(1), row.text(2)};
  }
  const TaskSet tasks = gather();
  const Exclusions exclusions = readExclusions(*config_->current());
  const db::IdleLimits idle = settings().idle;
  std::vector<std::string> words(schemas->size());
  eachHostAtOnce(*schemas, [&](std::size_t at) {
    if (gate_.closed()) return;
    const services::SchemaRef& schema = (*schemas)[at];
    auto status = statusOf(schema, tasks, exclusions, idle);
    if (!status)
      log::warn("schema " + schema.schema + " cannot be checked: " + status.error().toString());
    words[at] = status ? *status : kStatusUnreachable;
  });
  if (gate_.closed()) return Error(Code::kShutdown);
  std::vector<DatabaseStatus> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].empty()) continue;
    const services::SchemaRef& schema = (*schemas)[i];
    const auto& [name, url] = pools[schema.writePoolId];
    out.push_back({schema.writePoolId, name, url, schema.schema, words[i]});
  }
  std::stable_sort(out.begin(), out.end(), [](const DatabaseStatus& a, const DatabaseStatus& b) {
    return rank(a.status) < rank(b.status);
  });
  return out;
}

void UpdateServiceImpl::stop() {
  runner_.stop();
  implicit_.stop();
  gate_.close();
}

}  // namespace ox::update
