// Rows of listUpdateTasks: what was executed, what is due, what is excluded and why.
//
// Threads:   taskRows is pure; addFailureTexts reads updateTaskRun on the caller's connection.
// source: the original's UpdateTaskToolkit and the columns of its tool.
#pragma once

#include <vector>

#include "runner.h"

namespace ox::update {

inline constexpr const char* kStateExecuted = "executed";
inline constexpr const char* kStatePending = "pending";
inline constexpr const char* kStateFailed = "failed";
inline constexpr const char* kStateExcluded = "excluded";
inline constexpr const char* kStateLock = "lock";  // rows LOCKED and BACKGROUND

// One row per executed task, lock row and known task, sorted by name. A task that is excluded has
// state "excluded" also when it was executed before.
std::vector<services::TaskRow> taskRows(const TaskSet& tasks, const Exclusions& exclusions,
                                        const db::SchemaState& state);

// Gives failed rows the text of their last run as reason, if it is known.
Status addFailureTexts(db::Connection& connection, std::vector<services::TaskRow>& rows);

// Tells in the reason of executed rows that the task was changed since.
Status addChanged(db::Connection& connection, const TaskSet& tasks,
                  std::vector<services::TaskRow>& rows);

}  // namespace ox::update
