// updateTaskRun: the history of what was started on a schema, by whom, and how it ended.
//
// Purpose:   an operator sees what ran, and a file that must not run twice can see that it began.
// Threads:   functions on a connection that belongs to the caller.
// Units:     ms since 1970, database clock. `ended` NULL = still running or interrupted.
// Limits:    the newest kHistoryRows rows of a schema are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/connection.h"
#include "services/updates.h"

namespace ox::update {

inline constexpr std::int64_t kHistoryRows = 10000;
inline constexpr std::size_t kHistoryTextBytes = 2000;

inline constexpr const char* kCreateRunHistory =
    "CREATE TABLE IF NOT EXISTS updateTaskRun ("
    "id BIGINT NOT NULL AUTO_INCREMENT,"
    "run CHAR(32) NOT NULL,"
    "task VARCHAR(1024) NOT NULL,"
    "kind VARCHAR(16) NOT NULL,"
    "fence BIGINT NOT NULL,"
    "owner VARCHAR(255) NOT NULL,"
    "started BIGINT NOT NULL,"
    "ended BIGINT NULL,"
    "successful BOOLEAN NULL,"
    "text VARCHAR(2000) NOT NULL DEFAULT '',"
    "content CHAR(16) NOT NULL DEFAULT '',"
    "PRIMARY KEY (id),"
    "INDEX taskIndex (task(191))"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci";

struct RunEntry {
  std::string run;  // one id for everything one runner did in one go
  std::string task;
  std::string kind;  // LOCKED or BACKGROUND
  std::int64_t fence = 0;
  std::string owner;
  std::string content;  // UpdateTask::contentSum()
};

// Returns the id of the new row.
Result<std::uint64_t> recordStart(db::Connection& connection, const RunEntry& entry);
Status recordEnd(db::Connection& connection, std::uint64_t id, bool successful,
                 const std::string& text);

// A run of the task before the present one began and has no end (the present one is the newest).
Result<bool> interruptedBefore(db::Connection& connection, const std::string& task);

// Of the given tasks those whose content differs from what was executed last with success here.
Result<std::vector<std::string>> changedSinceExecuted(
    db::Connection& connection, const std::vector<std::shared_ptr<services::UpdateTask>>& tasks);

}  // namespace ox::update
