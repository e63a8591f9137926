#include "operations.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace ox::update {
namespace {

using management::Caller;
using nlohmann::json;
using Service = std::shared_ptr<UpdateServiceImpl>;

constexpr const char* kBeanName =
    "com.openexchange.groupware.update:name=UpdateTaskMBean";

Result<services::SchemaRef> schemaOf(UpdateServiceImpl& service, const json& arguments) {
  if (const auto id = arguments.find("contextId"); id != arguments.end() && !id->is_null()) {
    if (!id->is_number_integer() || id->get<std::int64_t>() < 0 ||
        id->get<std::int64_t>() > std::numeric_limits<std::int32_t>::max())
      return Error(Code::kInvalid, "contextId must be a whole number from 0 to 2147483647");
    return service.schemaOfContext(id->get<std::int32_t>());
  }
  const auto name = arguments.find("schema");
  if (name == arguments.end() || !name->is_string() || name->get_ref<const std::string&>().empty())
    return Error(Code::kInvalid, "contextId or schema must be given");
  return service.schemaByName(name->get<std::string>());
}

Result<json> runUpdate(UpdateServiceImpl& service, const json& arguments) {
  auto schema = schemaOf(service, arguments);
  if (!schema) return schema.error();
  UpdateServiceImpl::RunWishes wishes;
  if (const auto task = arguments.find("task"); task != arguments.end() && task->is_string())
    wishes.forced = {task->get<std::string>()};
  if (const auto until = arguments.find("until"); until != arguments.end() && until->is_string()) {
    auto end = nextTimeOfDay(until->get<std::string>(), systemClock().wallMillis());
    if (!end) return end.error();
    wishes.control = std::make_shared<RunControl>();
    wishes.control->setUntil(*end);
  }
  auto report = service.run(*schema, wishes);
  if (!report) return report.error();
  json failed = json::array();
  for (const services::TaskFailure& f : report->failed)
    failed.push_back({{"taskName", f.task}, {"className", f.reason}, {"schema", f.schema}});
  return json{{"executed", report->executed}, {"failed", std::move(failed)},
              {"stopped", report->stopped}, {"undelivered", report->undelivered}};
}

Result<json> planUpdate(UpdateServiceImpl& service, const json& arguments) {
  auto schema = schemaOf(service, arguments);
  if (!schema) return schema.error();
  auto plan = service.plan(*schema);
  if (!plan) return plan.error();
  json tasks = json::array();
  for (const PlannedTask& task : *plan) {
    json statements = json::array();
    for (const PlannedStatement& one : task.statements)
      statements.push_back({{"sql", one.sql}, {"table", one.table}, {"bytes", one.bytes},
                            {"size", shownBytes(one.bytes)}, {"rows", one.rows},
                            {"expected", one.expected}, {"cluster", one.cluster}});
    tasks.push_back({{"taskName", task.name}, {"blocking", task.blocking},
                     {"dependencies", task.dependencies}, {"description", task.description},
                     {"problem", task.problem}, {"statements", std::move(statements)}});
  }
  return json{{"schema", schema->schema}, {"database", schema->writePoolId},
              {"tasks", std::move(tasks)}};
}

json copyRow(const CopyRow& row, const char* state) {
  return {{"database", row.copy.writePoolId}, {"copy", row.copy.schema}, {"schema", row.source},
          {"owner", row.owner}, {"started", row.started}, {"state", state}};
}

Result<json> rehearse(UpdateServiceImpl& service, const json& arguments) {
  auto schema = schemaOf(service, arguments);
  if (!schema) return schema.error();
  auto done = service.rehearse(*schema);
  if (!done) return done.error();
  json tables = json::array();
  for (const TableComparison& one : done->tables)
    tables.push_back({{"table", one.table}, {"rowsBefore", one.rowsBefore},
                      {"rowsAfter", one.rowsAfter}, {"sameData", one.sameData},
                      {"gone", one.gone}, {"created", one.created}, {"added", one.added},
                      {"removed", one.removed}});
  json failed = json::array();
  for (const services::TaskFailure& f : done->run.failed)
    failed.push_back({{"taskName", f.task}, {"className", f.reason}, {"schema", f.schema}});
  json removed = json::array();
  for (const CopyRow& row : done->removed) removed.push_back(copyRow(row, "removed"));
  return json{{"schema", schema->schema}, {"size", shownBytes(done->bytes)},
              {"copyMillis", done->copyMillis}, {"runMillis", done->runMillis},
              {"executed", done->run.executed}, {"failed", std::move(failed)},
              {"stopped", done->run.stopped}, {"tables", std::move(tables)},
              {"removed", std::move(removed)}};
}

// All copies; with remove=true those of dead runs are dropped first and shown as removed.
Result<json> copies(UpdateServiceImpl& service, const json& arguments) {
  json out = json::array();
  if (const auto remove = arguments.find("remove");
      remove != arguments.end() && remove->is_boolean() && remove->get<bool>()) {
    auto removed = service.removeCopies();
    if (!removed) return removed.error();
    for (const CopyRow& row : *removed) out.push_back(copyRow(row, "removed"));
  }
  auto all = service.copies();
  if (!all) return all.error();
  for (const CopyRow& row : *all)
    out.push_back(copyRow(row, row.inUse ? "in use" : "left behind"));
  return out;
}

Result<json> unblock(UpdateServiceImpl& service, const json& arguments) {
  const auto id = arguments.find("database");
  if (id == arguments.end() || !id->is_number_integer() || id->get<std::int64_t>() < 1 ||
      id->get<std::int64_t>() > std::numeric_limits<std::int32_t>::max())
    return Error(Code::kInvalid, "database must be a whole number from 1 to 2147483647");
  std::string schema;
  if (const auto name = arguments.find("schema"); name != arguments.end() && name->is_string())
    schema = name->get<std::string>();
  auto done = service.unblock(id->get<std::int32_t>(), schema);
  if (!done) return done.error();
  json out = json::array();
  for (const services::SchemaRef& one : *done) out.push_back(one.schema);
  return out;
}

Result<json> listTasks(UpdateServiceImpl& service, const json& arguments) {
  auto schema = schemaOf(service, arguments);
  if (!schema) return schema.error();
  auto rows = service.list(*schema);
  if (!rows) return rows.error();
  json out = json::array();
  for (const services::TaskRow& row : *rows)
    out.push_back({{"taskName", row.name},
                   {"executed", row.executed},
                   {"successful", row.successful},
                   {"lastModified", row.lastModified},
                   {"state", row.state},
                   {"reason", row.reason}});
  return out;
}

Result<json> checkDatabase(UpdateServiceImpl& service) {
  auto rows = service.checkDatabases();
  if (!rows) return rows.error();
  json out = json::array();
  for (const DatabaseStatus& row : *rows)
    out.push_back({{"id", row.poolId},
                   {"name", row.name},
                   {"url", row.url},
                   {"schema", row.schema},
                   {"status", row.status}});
  return out;
}

management::Attributes attributes(const UpdateServiceImpl& service) {
  const RunnerCounts& counts = service.runner().counts();
  std::string running;
  for (const std::string& schema : service.runner().runningSchemas())
    running += (running.empty() ? "" : ",") + schema;
  return {{"RunningSchemas", running},
          {"Runs", std::to_string(counts.runs)},
          {"TasksSucceeded", std::to_string(counts.tasksSucceeded)},
          {"TasksFailed", std::to_string(counts.tasksFailed)},
          {"ImplicitWaiting", std::to_string(service.implicit().figures().waiting)},
          {"ImplicitStarted", std::to_string(service.implicit().figures().started)},
          {"RunsRefusedLocked", std::to_string(counts.refused)},
          {"RunsSuperseded", std::to_string(counts.superseded)},
          {"LockRefreshFailures", std::to_string(counts.refreshFailures)}};
}

void metrics(const UpdateServiceImpl& service, std::vector<management::MetricSample>& out) {
  const RunnerCounts& counts = service.runner().counts();
  const auto add = [&](const char* name, const char* help, bool counter, std::uint64_t value) {
    out.push_back({name, help, counter, {}, static_cast<double>(value)});
  };
  add("ox_update_runs_total", "update runs that had something to do", true, counts.runs);
  add("ox_update_tasks_succeeded_total", "update tasks done", true, counts.tasksSucceeded);
  add("ox_update_tasks_failed_total", "update tasks that failed", true, counts.tasksFailed);
  add("ox_update_refused_total", "runs refused because the schema was locked", true,
      counts.refused);
  add("ox_update_superseded_total", "runs that lost their lease", true, counts.superseded);
  add("ox_update_lock_refresh_failures_total", "signs of life that did not reach the database",
      true, counts.refreshFailures);
  const ImplicitUpdates::Figures implicit = service.implicit().figures();
  add("ox_update_implicit_started_total", "updates that began by themselves", true,
      implicit.started);
  add("ox_update_implicit_waiting", "updates that began by themselves and wait for their turn",
      false, implicit.waiting);
  add("ox_update_running", "schemas this node is updating now", false,
      service.runner().runningSchemas().size());
}

}  // namespace

std::vector<management::Registration> registerOperations(management::Management& management,
                                                         const Service& service) {
  using management::Access;
  std::vector<management::Registration> out;
  out.push_back(management.addOperation(
      "UpdateTaskService/runUpdate", Access::kMaster,
      [service](const json& arguments, const Caller&) { return runUpdate(*service, arguments); }));
  out.push_back(management.addOperation(
      "UpdateTaskService/listTasks", Access::kMaster,
      [service](const json& arguments, const Caller&) { return listTasks(*service, arguments); }));
  out.push_back(management.addOperation(
      "UpdateTaskService/checkDatabase", Access::kMaster,
      [service](const json&, const Caller&) { return checkDatabase(*service); }));
  const auto add = [&](const char* name, auto handler) {
    out.push_back(management.addOperation(
        name, Access::kMaster,
        [service, handler](const json& arguments, const Caller&) -> Result<json> {
          return handler(*service, arguments);
        }));
  };
  add("UpdateTaskService/planUpdate", planUpdate);
  add("UpdateTaskService/copyUpdate", rehearse);
  add("UpdateTaskService/copies", copies);
  add("UpdateTaskService/unblockDatabase", unblock);
  add("UpdateTaskService/listNamespaces",
      [](UpdateServiceImpl& s, const json&) -> Result<json> { return json(s.nameSpaces()); });
  out.push_back(management.addMBean({kBeanName, [service] { return attributes(*service); }}));
  out.push_back(management.addMetrics(
      [service](std::vector<management::MetricSample>& samples) { metrics(*service, samples); }));
  return out;
}

}  // namespace ox::update
