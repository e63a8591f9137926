// A statement of a task that changes rows, and the proof that the lease is still ours: both or none.
//
// Purpose:   a runner that was overtaken while its statement ran (frozen, cut off, or at another node
//            of a Galera cluster, where nobody can end its connection) must not change a row any more.
//            The statement and SchemaLease::guard share a transaction; its commit is what counts.
// Order:     the lease is looked at last, so that its row is held for a moment only and signs of life
//            are not kept waiting by a long statement.
// Conflicts: 1213 and 1205, also at COMMIT: everything again, kConflictTries times. A table in use is
//            waited for as changeTable() does.
// Threads:   on the caller's connection, outside of a transaction.
// Errors:    UPD-0028 superseded (nothing was changed), RUN-0005 still in use, those of the database.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "database/connection.h"
#include "ddl.h"
#include "schema_lease.h"

namespace ox::update {

inline constexpr int kConflictTries = 5;

// Rows changed. `sql` is one for which changesRows() holds.
Result<std::uint64_t> changeRows(db::Connection& connection, const std::string& sql,
                                 SchemaLease& lease, const DdlSettings& settings);

}  // namespace ox::update
