#include "database/schema_state.h"

namespace ox::db {
namespace {

constexpr int kNoSuchTable = 1146;

void setLock(LockRow& row, std::int64_t lastModified, std::int64_t now, std::int64_t idleMillis) {
  row.present = true;
  row.lastModified = lastModified;
  row.fresh = idleMillis <= 0 || now - lastModified <= idleMillis;
}

Result<SchemaState> read(Connection& connection, const IdleLimits& idle, bool locksOnly) {
  SchemaState state;
  const std::string sql = std::string("SELECT taskName, successful, lastModified, ") +
                          kDatabaseMillis + " FROM updateTask WHERE cid = 0" +
                          (locksOnly ? " AND taskName IN ('LOCKED', 'BACKGROUND')" : "") +
                          " ORDER BY lastModified";
  auto rows = connection.query(sql);
  if (!rows) {
    if (connection.sqlError() != kNoSuchTable) return rows.error();
    state.tableExists = false;
    return state;
  }
  for (const Row& row : *rows) {
    state.databaseMillis = row.integer(3);
    const std::string name = row.text(0);
    if (name == kLockedName)
      setLock(state.blocking, row.integer(2), state.databaseMillis, idle.lockedMillis);
    else if (name == kBackgroundName)
      setLock(state.background, row.integer(2), state.databaseMillis, idle.backgroundMillis);
    else
      state.executed[name] = TaskState{row.boolean(1), row.integer(2)};
  }
  return state;
}

}  // namespace

const char* const kCreateUpdateTaskTable =
    "CREATE TABLE IF NOT EXISTS updateTask ("
    "cid INT UNSIGNED NOT NULL, "
    "taskName VARCHAR(1024) NOT NULL, "
    "successful BOOLEAN NOT NULL, "
    "lastModified BIGINT NOT NULL, "
    "uuid BINARY(16) NOT NULL, "
    "PRIMARY KEY (cid, uuid), "
    "KEY `full` (cid, taskName(191))) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci";

std::string uuidBytes(std::string_view hex32) {
  OX_CHECK(hex32.size() == 32);
  const auto digit = [](char c) {
    OX_CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return c <= '9' ? c - '0' : c - 'a' + 10;
  };
  std::string out;
  for (std::size_t i = 0; i < 32; i += 2)
    out += static_cast<char>(digit(hex32[i]) * 16 + digit(hex32[i + 1]));
  return out;
}

Result<SchemaState> readSchemaState(Connection& connection, const IdleLimits& idle) {
  return read(connection, idle, false);
}

Result<SchemaState> readLockState(Connection& connection, const IdleLimits& idle) {
  return read(connection, idle, true);
}

Status ensureUpdateTaskTable(Connection& connection) {
  auto made = connection.execute(kCreateUpdateTaskTable);
  return made ? Status() : Status(made.error());
}

}  // namespace ox::db
