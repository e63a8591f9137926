// Update state of one user schema, read from its table updateTask.
//
// Purpose: which tasks ran, and whether a blocking or a background run holds the schema now.
// Threads: pure functions on a connection whose schema is selected.
// Clock:   a lock row is stale by the database's clock, so that the nodes need not agree on time.
// Errors:  DB-*. A missing table is a state without tasks (tableExists = false).
// Source:  the original's SchemaStoreImpl and CreateUpdateTaskTable: rows LOCKED and BACKGROUND
//          with these constant uuids exclude each other through the primary key (cid, uuid).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "database/connection.h"

namespace ox::db {

inline constexpr const char* kLockedName = "LOCKED";
inline constexpr const char* kBackgroundName = "BACKGROUND";
inline constexpr const char* kLockedUuidHex = "8d8b93e559794baca39daef8f87087a1";
inline constexpr const char* kBackgroundUuidHex = "5b7a2847985a49aa874c17df79af48b3";
extern const char* const kCreateUpdateTaskTable;  // CREATE TABLE IF NOT EXISTS updateTask ...
// Milliseconds since 1970 by the database's clock, as an SQL expression. From UTC, because a local
// time is ambiguous for one hour a year.
inline constexpr const char* kDatabaseMillis =
    "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)";

std::string uuidBytes(std::string_view hex32);  // 16 bytes; hex32 has 32 digits

struct IdleLimits {  // com.openexchange.groupware.update.{locked,background}.idleMillis
  std::int64_t lockedMillis = 60000;   // <= 0 = never stale
  std::int64_t backgroundMillis = 0;
};

struct LockRow {
  bool present = false;
  bool fresh = false;             // present and not stale
  std::int64_t lastModified = 0;  // ms since 1970
};

struct TaskState {
  bool successful = false;
  std::int64_t lastModified = 0;
};

struct SchemaState {
  bool tableExists = true;
  LockRow blocking;
  LockRow background;
  std::map<std::string, TaskState> executed;  // without the lock rows
  std::int64_t databaseMillis = 0;
};

Result<SchemaState> readSchemaState(Connection& connection, const IdleLimits& idle);
// Only the lock rows: what the gate of every request asks.
Result<SchemaState> readLockState(Connection& connection, const IdleLimits& idle);
Status ensureUpdateTaskTable(Connection& connection);

}  // namespace ox::db
