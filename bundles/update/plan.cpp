#include "plan.h"

namespace ox::update {
namespace {

PlannedTask planTask(db::Connection& connection, const services::SchemaRef& schema,
                     services::UpdateTask& task, const db::GaleraState& galera) {
  PlannedTask out;
  out.name = task.name();
  out.description = task.description();
  out.blocking = task.concurrency() == Concurrency::kBlocking;
  out.dependencies = task.dependencies();
  services::UpdateContext context{
      connection, schema, [](const std::string&) {}, [] { return false; }, {}};
  auto statements = task.preview(context);
  if (!statements) {
    out.problem = statements.error().toString();
    return out;
  }
  for (std::string& sql : *statements) {
    PlannedStatement one;
    if (const auto target = ddlTarget(sql)) {
      one.table = target->table;
      one.expected = expectedLock(sql);
      one.cluster = clusterNote(galera, one.expected);
      if (auto size = tableSize(connection, target->table); size && *size) {
        one.bytes = (*size)->bytes;
        one.rows = (*size)->rows;
      }
    }
    one.sql = std::move(sql);
    out.statements.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<std::vector<PlannedTask>> planRun(db::Connection& connection,
                                         const services::SchemaRef& schema, const TaskSet& tasks,
                                         const Exclusions& exclusions, Executed executed) {
  std::vector<PlannedTask> out;
  const db::GaleraState galera = db::galeraState(connection);
  for (const Concurrency kind : {Concurrency::kBlocking, Concurrency::kBackground}) {
    auto order = planPhase(tasks.tasks, exclusions, executed, kind);
    if (!order) return order.error();
    for (const TaskPtr& task : *order) {
      out.push_back(planTask(connection, schema, *task, galera));
      executed[task->name()] = true;  // as if it had been done: background follows
    }
  }
  return out;
}

}  // namespace ox::update
