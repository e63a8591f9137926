// A change of a table's form, done with care.
//
// Purpose:   before an ALTER TABLE: the table's size, the free disk for a copy, and the kindest
//            ALGORITHM and LOCK that the server accepts are found and stated; a metadata lock is
//            waited for only briefly and asked for again, because a waiting ALTER stalls every
//            reader behind it.
// Choice:    INSTANT, NOCOPY/INPLACE with LOCK=NONE, INPLACE with LOCK=SHARED, COPY with LOCK=SHARED:
//            the server refuses at once what it cannot do. A statement that names ALGORITHM or LOCK
//            itself is taken as it is; tables below kSmallTableBytes are left to the server's own
//            choice, which is the same order.
// Galera:    a change of a form is done by all nodes at the same place of the order of all writes
//            (TOI): the cluster writes nothing meanwhile, and transactions that use the table are
//            rolled back instead of waited for. It is stated as well.
// Threads:   functions on the caller's connection.
// Errors:    RUN-0005 the table stayed in use (the task stays pending); UPD-0010 too little disk;
//            else those of the database.
// source: lock classes of online DDL in the documentation of MariaDB and MySQL.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "database/connection.h"
#include "database/galera.h"

namespace ox::update {

inline constexpr std::int64_t kSmallTableBytes = 1024 * 1024;
// A copy needs the table's size and this much more of it, in percent, for the log of changes.
inline constexpr std::int64_t kCopyReservePercent = 20;
inline constexpr std::int64_t kDdlPauseMillis = 500;

// What a statement changes; nothing when it is no ALTER TABLE or CREATE INDEX.
struct DdlTarget {
  std::string table;
  bool createIndex = false;  // options follow without a comma
  bool chosen = false;       // the statement names ALGORITHM or LOCK itself
  bool copies = true;        // it may need a copy: does not name ALGORITHM=INSTANT or NOCOPY
};
std::optional<DdlTarget> ddlTarget(std::string_view sql);

// Pure: INSERT, UPDATE, DELETE, REPLACE: what a transaction can hold.
bool changesRows(std::string_view sql);

// Pure: what to expect of a statement before it is run, for --dry-run: "INSTANT", "INPLACE,
// LOCK=NONE", "COPY, LOCK=SHARED", or empty.
std::string expectedLock(std::string_view sql);

struct TableSize {
  std::int64_t bytes = 0;
  std::int64_t rows = 0;  // estimated by the server
};
// Nothing when there is no such table.
Result<std::optional<TableSize>> tableSize(db::Connection& connection, const std::string& table);
// The same of several (at least one) with one question, in their order.
Result<std::vector<std::optional<TableSize>>> tableSizes(db::Connection& connection,
                                                         const std::vector<std::string>& tables);

// Free bytes where the server keeps its data, if that can be known: by the server's own view, or
// because the server runs on this host.
std::optional<std::int64_t> freeDisk(db::Connection& connection);

struct DdlSettings {
  std::int64_t lockWaitSeconds = 5;
  int tries = 10;
  // Of a caller that repeats by itself: one try, shown with this number.
  std::optional<int> only;
  std::function<std::optional<std::int64_t>(db::Connection&)> freeDisk = ox::update::freeDisk;
  std::function<Result<std::optional<TableSize>>(db::Connection&, const std::string& table)> size =
      tableSize;
  std::function<void(const std::string&)> progress = [](const std::string&) {};
  std::function<bool()> stop = [] { return false; };  // looked at between tries
};

// Runs the statement; rows changed.
Result<std::uint64_t> changeTable(db::Connection& connection, const std::string& sql,
                                  const DdlSettings& settings);

// What a change of a form by `way` ("INSTANT", "INPLACE, LOCK=NONE", ...) means to a cluster; empty =
// this is none, or it is over at once.
std::string clusterNote(const db::GaleraState& galera, std::string_view way);

std::string shownBytes(std::int64_t bytes);  // "3.1 GiB"

}  // namespace ox::update
