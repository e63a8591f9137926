#include "task_order.h"

#include <algorithm>

namespace ox::update {
namespace {

// Dependencies of the task that are neither executed nor placed, "a, b" or empty.
std::string missing(const services::UpdateTask& task, const Executed& executed,
                    const std::set<std::string>& placed) {
  std::string out;
  for (const std::string& name : task.dependencies()) {
    if (executed.count(name) != 0 || placed.count(name) != 0) continue;
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace

Separated pendingTasks(const std::vector<TaskPtr>& all, const Exclusions& exclusions,
                       const Executed& executed) {
  Separated out;
  for (const TaskPtr& task : all) {
    if (exclusions.excluded(*task) || executed.count(task->name()) != 0) continue;
    (task->concurrency() == Concurrency::kBlocking ? out.blocking : out.background).push_back(task);
  }
  return out;
}

Result<Separated> forcedTasks(const std::vector<TaskPtr>& all,
                              const std::vector<std::string>& names) {
  Separated out;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const TaskPtr& task) { return task->name() == name; });
    if (found == all.end())
      return Error(Code::kUpdUnknownTask,
                   "no update task " + name.substr(0, 200) + " is installed on this node");
    ((*found)->concurrency() == Concurrency::kBlocking ? out.blocking : out.background)
        .push_back(*found);
  }
  return out;
}

Result<std::vector<TaskPtr>> sortByDependency(const std::vector<TaskPtr>& tasks,
                                              const Executed& executed) {
  std::vector<TaskPtr> remaining = tasks;
  std::vector<TaskPtr> sorted;
  std::set<std::string> placed;
  sorted.reserve(remaining.size());
  // Always the first that can go, then from the beginning: the order is the original's. Each round
  // places one task, so there are at most kMaxTasks rounds.
  while (!remaining.empty()) {
    auto next = remaining.begin();
    while (next != remaining.end() && !missing(**next, executed, placed).empty()) ++next;
    if (next == remaining.end()) {
      std::string text = "the dependencies of " + std::to_string(remaining.size()) +
                         " update task(s) cannot be resolved:";
      for (const TaskPtr& task : remaining)
        text += " " + task->name() + " misses " + missing(*task, executed, placed) + ";";
      text.back() = '.';
      return Error(Code::kUpdUnresolvable, text);
    }
    placed.insert((*next)->name());
    sorted.push_back(*next);
    remaining.erase(next);
  }
  return sorted;
}

Result<std::vector<TaskPtr>> planPhase(const std::vector<TaskPtr>& all,
                                       const Exclusions& exclusions, const Executed& executed,
                                       Concurrency phase) {
  const Separated due = pendingTasks(all, exclusions, executed);
  if (phase == Concurrency::kBlocking) return sortByDependency(due.blocking, executed);
  if (!due.blocking.empty()) {
    return Error(Code::kUpdBlockingFirst, "background tasks cannot run while " +
                                              std::to_string(due.blocking.size()) +
                                              " blocking task(s) are pending, the first is " +
                                              due.blocking.front()->name());
  }
  return sortByDependency(due.background, executed);
}

Status checkDependencies(const services::UpdateTask& task, const Executed& executed) {
  for (const std::string& name : task.dependencies()) {
    const auto found = executed.find(name);
    if (found != executed.end() && found->second) continue;
    return Error(Code::kUpdUnmetDependency,
                 "update task " + task.name() + " depends on " + name + ", which " +
                     (found == executed.end() ? "was not executed" : "failed"));
  }
  return {};
}

std::string phaseName(Concurrency phase) {
  return phase == Concurrency::kBlocking ? "blocking" : "background";
}

}  // namespace ox::update
