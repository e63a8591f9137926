// The rows of one context in a user schema: every table with a column cid.
//
// Threads: any blocking thread. The connection has its schema selected, autocommit on, no read
//          timeout, and is not a pooled one: its check of foreign keys is switched off.
// Errors:  DB-*, ADM-0106 when a table is missing in the target of a copy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/connection.h"

namespace ox::provisioning {

// Names of the tables that hold rows by context, sorted.
Result<std::vector<std::string>> payloadTables(db::Connection& schema);
// Removes them in portions; may be repeated. `contextId` > 0: rows of 0 belong to the schema.
Status deletePayload(db::Connection& schema, std::int32_t contextId);
// Copies them from one snapshot; number of rows. What is there in `to` must have been removed.
Result<std::uint64_t> copyPayload(db::Connection& from, db::Connection& to,
                                  std::int32_t contextId);

}  // namespace ox::provisioning
