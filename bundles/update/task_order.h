// Which tasks are due, and in which order: pure rules, no database.
//
// Purpose:   filter (excluded, executed), separate by concurrency, sort by dependency.
// Threads:   plain functions on values.
// Ownership: tasks are shared with their providers.
// Errors:    UPD-0019 names each task that cannot be placed and what it misses; UPD-0023 when
//            background tasks are asked for while blocking ones are pending; UPD-0027 for a task
//            whose dependency did not succeed.
// source: the original's UpdateTaskCollection and UpdateTaskSorter.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "services/updates.h"

namespace ox::update {

using services::Concurrency;
using TaskPtr = std::shared_ptr<services::UpdateTask>;

// More tasks than this in one installation is a mistake of a provider.
inline constexpr std::size_t kMaxTasks = 5000;

// What the administrator does not want: by class name or by namespace.
struct Exclusions {
  std::set<std::string> names;
  std::set<std::string> nameSpaces;

  bool byName(const services::UpdateTask& task) const { return names.count(task.name()) != 0; }
  bool byNameSpace(const services::UpdateTask& task) const {
    const std::string space = task.nameSpace();
    return !space.empty() && nameSpaces.count(space) != 0;
  }
  bool excluded(const services::UpdateTask& task) const {
    return byName(task) || byNameSpace(task);
  }
};

// Task name -> it was successful. A failed task counts as executed: it is not repeated by itself.
using Executed = std::map<std::string, bool>;

struct Separated {
  std::vector<TaskPtr> blocking;
  std::vector<TaskPtr> background;
  bool empty() const { return blocking.empty() && background.empty(); }
};

// Neither excluded nor executed, in the given order.
Separated pendingTasks(const std::vector<TaskPtr>& all, const Exclusions& exclusions,
                       const Executed& executed);

// The named tasks, whether executed or excluded or not, separated, in the order of their names'
// list. UPD-0024 for a name that is not installed.
Result<Separated> forcedTasks(const std::vector<TaskPtr>& all,
                              const std::vector<std::string>& names);

// Each task after what it depends on; a dependency counts when executed or placed before.
Result<std::vector<TaskPtr>> sortByDependency(const std::vector<TaskPtr>& tasks,
                                              const Executed& executed);

// Filtered, guarded and sorted list of one phase.
Result<std::vector<TaskPtr>> planPhase(const std::vector<TaskPtr>& all,
                                       const Exclusions& exclusions, const Executed& executed,
                                       Concurrency phase);

// Last look before a task runs: every dependency must have been executed with success.
Status checkDependencies(const services::UpdateTask& task, const Executed& executed);

std::string phaseName(Concurrency phase);  // "blocking", "background"

}  // namespace ox::update
