// What a run would do, without doing it: --dry-run and --sql.
//
// Purpose:   the pending tasks in the order of the run, with their statements where they are known
//            beforehand, and for each changed table its size and the lock to expect.
// Threads:   reads on the caller's connection; nothing is written, no lock is taken.
// Errors:    those of the order (UPD-0019) and of the database; a task that cannot tell its statements
//            says so in `problem`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner.h"

namespace ox::update {

struct PlannedStatement {
  std::string sql;
  std::string table;     // empty = changes no table's form
  std::int64_t bytes = 0, rows = 0;
  std::string expected;  // "INPLACE, LOCK=NONE", at worst; empty = none of a table's form
  std::string cluster;   // what it means to a Galera cluster; empty = nothing
};
struct PlannedTask {
  std::string name, description, problem;
  bool blocking = true;
  std::vector<std::string> dependencies;
  std::vector<PlannedStatement> statements;  // empty = not known before the run
};

Result<std::vector<PlannedTask>> planRun(db::Connection& connection,
                                         const services::SchemaRef& schema, const TaskSet& tasks,
                                         const Exclusions& exclusions, Executed executed);

}  // namespace ox::update
