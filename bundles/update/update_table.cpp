#include "update_table.h"

#include "base/random.h"
#include "run_history.h"

namespace ox::update {
namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kNoSuchColumn = 1054;

constexpr const char* kCreateLease =
    "CREATE TABLE IF NOT EXISTS updateTaskLease ("
    "kind VARCHAR(16) NOT NULL,"
    "fence BIGINT NOT NULL,"
    "owner VARCHAR(255) NOT NULL,"
    "connection_id BIGINT UNSIGNED NOT NULL,"
    "server VARCHAR(255) NOT NULL DEFAULT '',"
    "bound BIGINT NOT NULL DEFAULT 0,"
    "beats BIGINT NOT NULL DEFAULT 0,"
    "taken BIGINT NOT NULL,"
    "beat BIGINT NOT NULL,"
    "expires BIGINT NOT NULL,"
    "PRIMARY KEY (kind)"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

}  // namespace

Executed SchemaUpdates::executed(bool withoutFailed) const {
  Executed out;
  for (const auto& [name, task] : state.executed)
    if (task.successful || !withoutFailed) out[name] = task.successful;
  return out;
}

Error updateSqlError(const Error& error, const std::string& what) {
  const bool noConnection =
      error.code == Code::kDbNoConnection || error.code == Code::kDbPoolExhausted;
  return Error(noConnection ? Code::kUpdNoConnection : Code::kUpdSql,
               what + ": " + error.toString());
}

bool isConflict(const Error& error) {
  return error.code == Code::kDbDeadlock || error.code == Code::kDbDuplicate;
}

Result<bool> tableExists(db::Connection& connection, const std::string& table) {
  auto rows = connection.query(
      "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
      {table});
  if (!rows) return updateSqlError(rows.error(), "looking for table " + table);
  return !rows->empty();
}

Result<SchemaUpdates> loadUpdates(db::Connection& connection, const db::IdleLimits& idle) {
  SchemaUpdates out;
  auto state = db::readSchemaState(connection, idle);
  if (!state) return updateSqlError(state.error(), "reading updateTask");
  out.state = std::move(*state);
  auto rows = connection.query(
      std::string("SELECT kind, IF(owner <> '', taken, 0), owner <> '' AND expires > 0 AND expires "
                  "< ") + kNowMillis + ", " + kNowMillis + " FROM updateTaskLease");
  // Nobody of ours has updated this schema: asked first, that would be a second question per schema.
  if (!rows && connection.sqlError() == kNoSuchTable) return out;
  if (!rows) return updateSqlError(rows.error(), "reading updateTaskLease");
  for (const db::Row& row : *rows) {
    out.state.databaseMillis = row.integer(3);
    if (row.text(0) == db::kLockedName) {
      out.leaseTaken = row.integer(1);
      out.blockingLeftBehind = row.boolean(2);
    } else {
      out.backgroundLeftBehind = row.boolean(2);
    }
  }
  return out;
}

Status ensureTables(db::Connection& connection) {
  // Nearly always all is there, which one cheap statement tells. (To ask is also better than three DDL
  // statements, which a Galera cluster would run on every node.)
  auto complete = connection.query(
      "SELECT t.taskName, l.beats, r.content FROM updateTask t, updateTaskLease l, updateTaskRun r "
      "LIMIT 0");
  if (complete) return {};
  if (connection.sqlError() != kNoSuchTable && connection.sqlError() != kNoSuchColumn)
    return updateSqlError(complete.error(), "looking for the tables of the update tasks");
  auto columns = connection.query(
      "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
      "DATABASE() AND TABLE_NAME IN ('updateTask', 'updateTaskLease', 'updateTaskRun') AND "
      "COLUMN_NAME IN ('taskName', 'kind', 'beats', 'run', 'content')");
  if (!columns) return updateSqlError(columns.error(), "looking for the tables of the update tasks");
  bool tasks = false, lease = false, beats = false, runs = false, content = false;
  for (const db::Row& row : *columns) {
    const std::string column = row.text(1);
    if (column == "taskName") tasks = true;
    if (column == "beats") beats = true;
    if (column == "run") runs = true;
    if (column == "content") content = true;
    if (column == "kind" && row.text(0) == "updateTaskLease") lease = true;
  }
  if (tasks && beats && content) return {};
  // Tables of an earlier release are extended.
  const auto extend = [&](const std::string& sql) -> Status {
    auto done = connection.execute("ALTER TABLE " + sql);
    constexpr int kDuplicateColumn = 1060;  // another node was faster
    if (!done && connection.sqlError() != kDuplicateColumn)
      return updateSqlError(done.error(), "extending the tables of the update tasks");
    return {};
  };
  if (lease && !beats)
    if (Status s = extend("updateTaskLease ADD COLUMN server VARCHAR(255) NOT NULL DEFAULT '', ADD "
                          "COLUMN bound BIGINT NOT NULL DEFAULT 0, ADD COLUMN beats BIGINT NOT "
                          "NULL DEFAULT 0");
        !s)
      return s;
  if (runs && !content)
    if (Status s = extend("updateTaskRun ADD COLUMN content CHAR(16) NOT NULL DEFAULT ''"); !s)
      return s;
  for (const char* ddl : {db::kCreateUpdateTaskTable, kCreateLease, kCreateRunHistory}) {
    auto done = connection.execute(ddl);
    if (!done) return updateSqlError(done.error(), "creating the tables of the update tasks");
  }
  return {};
}

Status writeResult(db::Connection& connection, const std::string& task, bool successful, bool isNew) {
  if (!isNew) {
    // First the key, then the row by its key: an update by name may lock the lock rows on its way.
    auto known = connection.query(
        "SELECT HEX(uuid) FROM updateTask WHERE cid = 0 AND taskName = ? LIMIT 1", {task});
    if (!known) return known.error();
    if (!known->empty()) {
      const db::Row& row = known->front();
      auto changed = connection.execute(
          std::string("UPDATE updateTask SET successful = ?, lastModified = ") + kNowMillis +
              " WHERE cid = 0 AND uuid <=> UNHEX(?) AND taskName = ?",
          {std::int64_t{successful}, row.isNull(0) ? db::Value{} : db::Value{row.text(0)}, task});
      return changed ? Status() : Status(changed.error());
    }
  }
  auto inserted = connection.execute(
      std::string("INSERT INTO updateTask (cid, taskName, successful, lastModified, uuid) "
                  "VALUES (0, ?, ?, ") + kNowMillis + ", UNHEX(?))",
      {task, std::int64_t{successful}, secureHex(16)});
  return inserted ? Status() : Status(inserted.error());
}

}  // namespace ox::update
