// runupdate --copy: the pending tasks on a copy of one schema, with a comparison of the data.
//
// Purpose:   a rehearsal with real data: the copy lies on the same server, in a schema of its own
//            (kCopyPrefix), and is dropped afterwards; the schema itself is only read, without locks.
//            A node that dies leaves its copy to the next run, see copy_store.h.
// Compared:  rows and checksum of each table before and after, over the columns that exist in both,
//            with texts as utf8mb4, so that a changed character set is no difference.
// Threads:   blocks its caller for the copy, the run and the two comparisons.
// Limits:    kMaxCopyTables tables; the disk must have room for the copy and one change of it, if the
//            free space can be known.
// Errors:    UPD-0007/0008, UPD-0022 with what could not be done; the copy is dropped in any case
//            (a WARN names it when that failed).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "copy_store.h"
#include "ddl.h"
#include "services/database.h"
#include "services/updates.h"

namespace ox::update {

inline constexpr std::size_t kMaxCopyTables = 5000;

struct TableComparison {
  std::string table;
  std::int64_t rowsBefore = 0, rowsAfter = 0;
  bool sameData = false;   // of the columns that exist before and after
  bool gone = false;       // a task dropped it
  bool created = false;
  std::vector<std::string> added, removed;  // columns
};

struct CopyReport {
  services::UpdateReport run;
  std::vector<TableComparison> tables;  // by name
  std::int64_t bytes = 0, copyMillis = 0, runMillis = 0;
  std::vector<CopyRow> removed;  // copies of dead runs that were dropped before
};

using CopyRunner = std::function<Result<services::UpdateReport>(const services::SchemaRef& copy)>;

// The copy's sign of life is given every beatMillis.
Result<CopyReport> runOnCopy(services::DatabaseService& database, const services::SchemaRef& schema,
                             const CopyRunner& run, CopyStore& store, std::int64_t beatMillis,
                             Clock& clock = systemClock());

}  // namespace ox::update
