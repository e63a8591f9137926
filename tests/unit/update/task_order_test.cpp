// Which tasks are due, and in which order; rows of the list; status words.
#include <doctest/doctest.h>

#include "plain_task.h"
#include "service.h"
#include "task_list.h"
#include "task_order.h"

using namespace ox;
using namespace ox::update;
using test::plain;

namespace {
const Concurrency kBg = Concurrency::kBackground;
const Concurrency kBl = Concurrency::kBlocking;

std::string names(const std::vector<TaskPtr>& tasks) {
  std::string out;
  for (const TaskPtr& task : tasks) out += task->name();
  return out;
}
std::string state(const std::vector<services::TaskRow>& rows, const std::string& name) {
  for (const services::TaskRow& row : rows)
    if (row.name == name) return row.state + "|" + row.reason;
  return "none";
}
}  // namespace

TEST_CASE("pending tasks are neither executed nor excluded, separated by kind") {
  const std::vector<TaskPtr> all = {
      plain("A"), plain("B"), plain("C", std::vector<std::string>{}, kBg),
      plain("D", std::vector<std::string>{}, kBl, "groupware.utf8mb4"), plain("E")};
  Exclusions exclusions;
  exclusions.names = {"B"};
  exclusions.nameSpaces = {"groupware.utf8mb4"};
  const Separated due = pendingTasks(all, exclusions, {{"E", false}});
  CHECK(names(due.blocking) == "A");  // E failed: executed, not repeated by itself
  CHECK(names(due.background) == "C");
}

TEST_CASE("each task comes after what it depends on, otherwise the given order stays") {
  const std::vector<TaskPtr> all = {plain("C", std::vector<std::string>{"B"}),
                                    plain("B", std::vector<std::string>{"A", "done"}), plain("A"),
                                    plain("X")};
  auto sorted = sortByDependency(all, {{"done", true}});
  REQUIRE(sorted);
  CHECK(names(*sorted) == "ABCX");
}

TEST_CASE("an unresolvable dependency names every remaining task and what it misses") {
  auto sorted = sortByDependency({plain("A"), plain("B", std::vector<std::string>{"gone"}),
                                  plain("C", std::vector<std::string>{"B", "A"})},
                                 {});
  REQUIRE_FALSE(sorted);
  CHECK(sorted.error().code == Code::kUpdUnresolvable);
  CHECK(sorted.error().message ==
        "the dependencies of 2 update task(s) cannot be resolved: B misses gone; C misses B.");
}

TEST_CASE("a circle of dependencies is unresolvable, it does not hang") {
  auto sorted = sortByDependency({plain("A", std::vector<std::string>{"B"}),
                                  plain("B", std::vector<std::string>{"A"})},
                                 {});
  CHECK(sorted.error().code == Code::kUpdUnresolvable);
}

TEST_CASE("background tasks wait for the blocking ones") {
  const std::vector<TaskPtr> all = {plain("A"), plain("B", std::vector<std::string>{"A"}, kBg)};
  CHECK(planPhase(all, {}, {}, kBg).error().code == Code::kUpdBlockingFirst);
  auto after = planPhase(all, {}, {{"A", true}}, kBg);
  REQUIRE(after);
  CHECK(names(*after) == "B");
}

TEST_CASE("a failed dependency sorts, but stops the task at the last look") {
  const auto task = plain("B", std::vector<std::string>{"A"});
  const Executed executed = {{"A", false}};
  CHECK(planPhase({task}, {}, executed, kBl).ok());
  CHECK(checkDependencies(*task, executed).error().code == Code::kUpdUnmetDependency);
  CHECK(checkDependencies(*task, {}).error().message.find("was not executed") != std::string::npos);
  CHECK(checkDependencies(*task, {{"A", true}}).ok());
}

TEST_CASE("the list tells executed, failed, pending and both kinds of exclusion apart") {
  TaskSet set;
  set.tasks = {plain("A"), plain("B"), plain("C"),
               plain("D", std::vector<std::string>{}, kBl, "space"), plain("E")};
  Exclusions exclusions;
  exclusions.names = {"C"};
  exclusions.nameSpaces = {"space"};
  db::SchemaState found;
  found.executed = {{"A", {true, 5}}, {"D", {true, 6}}, {"E", {false, 7}}, {"foreign", {true, 8}}};
  found.blocking = {true, true, 9};
  const auto rows = taskRows(set, exclusions, found);
  CHECK(rows.size() == 7);
  CHECK(state(rows, "A") == "executed|");
  CHECK(state(rows, "B") == "pending|never executed");
  CHECK(state(rows, "C") == "excluded|excluded via file 'excludedupdatetasks.properties'");
  CHECK(state(rows, "D") == "excluded|excluded via namespace 'space'");
  CHECK(state(rows, "E") == "failed|its last execution failed");
  CHECK(state(rows, "foreign") == "executed|");
  CHECK(state(rows, "LOCKED") == "lock|held");
}

TEST_CASE("checkdatabase: a running update wins over a needed one, a stale lock is none") {
  SchemaUpdates updates;
  updates.state.databaseMillis = 100 * 3600 * 1000LL;
  CHECK(statusWord(updates, false).empty());
  CHECK(statusWord(updates, true) == "Needs update");
  updates.state.blocking = {true, true, updates.state.databaseMillis - 1000};
  CHECK(statusWord(updates, true) == "Blocking updates running");
  updates.leaseTaken = updates.state.databaseMillis - kTooLongMillis - 1;
  CHECK(statusWord(updates, true) == "Blocking updates running for too long");
  updates.state.blocking.fresh = false;
  CHECK(statusWord(updates, true) == "Needs update");
}
