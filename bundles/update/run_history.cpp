#include "run_history.h"

#include <map>

#include "database/statement.h"
#include "update_table.h"

namespace ox::update {

Result<std::uint64_t> recordStart(db::Connection& connection, const RunEntry& entry) {
  auto inserted = connection.execute(
      std::string("INSERT INTO updateTaskRun (run, task, kind, fence, owner, content, started) "
                  "VALUES (?, ?, ?, ?, ?, ?, ") + kNowMillis + ")",
      {entry.run, entry.task, entry.kind, entry.fence, entry.owner, entry.content});
  if (!inserted) return updateSqlError(inserted.error(), "recording the start of " + entry.task);
  const std::uint64_t id = connection.lastInsertId();
  if (id > static_cast<std::uint64_t>(kHistoryRows)) {
    auto pruned = connection.execute("DELETE FROM updateTaskRun WHERE id <= ?",
                                     {static_cast<std::int64_t>(id) - kHistoryRows});
    if (!pruned) return updateSqlError(pruned.error(), "shortening updateTaskRun");
  }
  return id;
}

Status recordEnd(db::Connection& connection, std::uint64_t id, bool successful,
                 const std::string& text) {
  // Whole characters only: the server refuses half a one.
  std::string shown = text.substr(0, kHistoryTextBytes);
  for (int i = 0; i < 4 && !shown.empty() && !db::isUtf8(shown); ++i) shown.pop_back();
  if (!db::isUtf8(shown)) shown = "(text is no UTF-8)";
  auto updated = connection.execute(
      std::string("UPDATE updateTaskRun SET ended = ") + kNowMillis +
          ", successful = ?, text = ? WHERE id = ?",
      {std::int64_t{successful}, shown, static_cast<std::int64_t>(id)});
  return updated ? Status() : Status(updated.error());
}

Result<bool> interruptedBefore(db::Connection& connection, const std::string& task) {
  auto rows = connection.query(
      "SELECT COUNT(*) FROM updateTaskRun WHERE task = ? AND ended IS NULL AND id < "
      "(SELECT MAX(id) FROM updateTaskRun WHERE task = ?)",
      {task, task});
  if (!rows) return updateSqlError(rows.error(), "reading the history of " + task);
  return !rows->empty() && rows->front().integer(0) > 0;
}

Result<std::vector<std::string>> changedSinceExecuted(
    db::Connection& connection, const std::vector<std::shared_ptr<services::UpdateTask>>& tasks) {
  std::map<std::string, std::string> now;
  for (const auto& task : tasks)
    if (std::string sum = task->contentSum(); !sum.empty()) now[task->name()] = std::move(sum);
  std::vector<std::string> out;
  if (now.empty()) return out;
  auto rows = connection.query(
      "SELECT r.task, r.content FROM updateTaskRun r JOIN (SELECT MAX(id) AS id FROM updateTaskRun "
      "WHERE successful = 1 AND content <> '' GROUP BY task) newest ON newest.id = r.id");
  constexpr int kNoSuchTable = 1146, kNoSuchColumn = 1054;  // never run, or by an earlier release
  if (!rows && (connection.sqlError() == kNoSuchTable || connection.sqlError() == kNoSuchColumn))
    return out;
  if (!rows) return updateSqlError(rows.error(), "reading updateTaskRun");
  for (const db::Row& row : *rows) {
    const auto found = now.find(row.text(0));
    if (found != now.end() && found->second != row.text(1)) out.push_back(found->first);
  }
  return out;
}

}  // namespace ox::update
