// The table `updateTask` and what stands beside it in a user schema.
//
// Purpose:   read what was executed and who holds the locks (database/schema_state.h) together with
//            our lease; write result rows; create the tables.
// Threads:   functions on a connection that belongs to the caller.
// Units:     milliseconds since 1970, always of the database's clock (kNowMillis), so that the
//            clocks of the nodes do not matter.
// Errors:    UPD-0007 SQL, UPD-0008 no connection.
// source: the original's SchemaStoreImpl and CreateUpdateTaskTable (columns, keys, rows).
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "database/connection.h"
#include "database/schema_state.h"
#include "task_order.h"

namespace ox::update {

// SQL expression: now in ms. UTC_TIMESTAMP because local time is ambiguous for one hour a year.
inline constexpr const char* kNowMillis = db::kDatabaseMillis;

// What one schema says about its updates.
struct SchemaUpdates {
  db::SchemaState state;
  std::int64_t leaseTaken = 0;  // ms since 1970 when somebody owns the blocking lease, else 0
  // A lease of that kind has an owner whose time is over: a run must clean up after it, also when
  // no task is pending.
  bool blockingLeftBehind = false;
  bool backgroundLeftBehind = false;
  // Those that failed are left out when they are to be repeated.
  Executed executed(bool withoutFailed = false) const;
};

// A schema without the table has nothing executed.
Result<SchemaUpdates> loadUpdates(db::Connection& connection, const db::IdleLimits& idle);

// updateTask, updateTaskLease and updateTaskRun, each if missing.
Status ensureTables(db::Connection& connection);

// Exists -> update, else insert with a random uuid. Call inside a transaction. Errors: DB-*.
// `isNew`: the caller holds the lease and knows that there is no row.
Status writeResult(db::Connection& connection, const std::string& task, bool successful,
                   bool isNew = false);

// Error of the database as UPD-0008 (no connection) or UPD-0007, with what was being done.
Error updateSqlError(const Error& error, const std::string& what);
// Of the database: numbers 1213, 1205 (rolled back) and 1062 (duplicate): somebody else was there.
bool isConflict(const Error& error);

Result<bool> tableExists(db::Connection& connection, const std::string& table);

}  // namespace ox::update
