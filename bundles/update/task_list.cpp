#include "task_list.h"

#include <algorithm>
#include <map>

#include "exclusions.h"
#include "run_history.h"

namespace ox::update {

std::vector<services::TaskRow> taskRows(const TaskSet& tasks, const Exclusions& exclusions,
                                        const db::SchemaState& state) {
  std::map<std::string, services::TaskRow> rows;
  for (const auto& [name, task] : state.executed) {
    rows[name] = {name, true, task.successful, task.lastModified,
                  task.successful ? kStateExecuted : kStateFailed,
                  task.successful ? "" : "its last execution failed"};
  }
  const auto lock = [&](const char* name, const db::LockRow& row) {
    if (row.present)
      rows[name] = {name, true, true, row.lastModified, kStateLock, row.fresh ? "held" : "stale"};
  };
  lock(db::kLockedName, state.blocking);
  lock(db::kBackgroundName, state.background);
  for (const TaskPtr& task : tasks.tasks) {
    services::TaskRow& row = rows[task->name()];
    row.name = task->name();
    if (exclusions.excluded(*task)) {
      row.state = kStateExcluded;
      row.reason.clear();
      if (exclusions.byName(*task))
        row.reason = std::string("excluded via file '") + kExcludedFile + "'";
      if (exclusions.byNameSpace(*task))
        row.reason += (row.reason.empty() ? "" : ", ") + ("excluded via namespace '" +
                                                          task->nameSpace() + "'");
    } else if (!row.executed) {
      row.state = kStatePending;
      row.reason = "never executed";
    }
  }
  std::vector<services::TaskRow> out;
  out.reserve(rows.size());
  for (auto& [name, row] : rows) out.push_back(std::move(row));
  return out;
}

Status addFailureTexts(db::Connection& connection, std::vector<services::TaskRow>& rows) {
  auto exists = tableExists(connection, "updateTaskRun");
  if (!exists) return exists.error();
  if (!*exists) return {};
  for (services::TaskRow& row : rows) {
    if (row.state != kStateFailed) continue;
    auto text = connection.query(
        "SELECT text FROM updateTaskRun WHERE task = ? AND text <> '' ORDER BY id DESC LIMIT 1",
        {row.name});
    if (!text) return updateSqlError(text.error(), "reading the history of " + row.name);
    if (!text->empty()) row.reason = text->front().text(0);
  }
  return {};
}

Status addChanged(db::Connection& connection, const TaskSet& tasks,
                  std::vector<services::TaskRow>& rows) {
  auto changed = changedSinceExecuted(connection, tasks.tasks);
  if (!changed) return changed.error();
  for (services::TaskRow& row : rows)
    if (row.state == kStateExecuted &&
        std::find(changed->begin(), changed->end(), row.name) != changed->end())
      row.reason = "changed since it was executed";
  return {};
}

}  // namespace ox::update
