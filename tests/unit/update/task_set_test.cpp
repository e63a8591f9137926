// The tasks that come with the program: their names, their order, their table in the documentation.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "exclusions.h"
#include "sql_file_task.h"
#include "task_order.h"
#include "tasks/builtin.h"
#include "tasks/utf8mb4_task.h"

using namespace ox;
using namespace ox::update;

namespace {

const std::string kCore = "com.openexchange.groupware.update.tasks.";
const std::string kFilestore = "com.openexchange.filestore.impl.groupware.";

std::string shortName(const std::string& name) {
  if (name.rfind(kCore, 0) == 0) return name.substr(kCore.size());
  if (name.rfind(kFilestore, 0) == 0) return "filestore:" + name.substr(kFilestore.size());
  return name;
}

std::vector<TaskPtr> shipped() {
  std::vector<TaskPtr> out = BuiltinTasks().tasks();
  SqlFiles files = readSqlFiles(std::string(OX_SOURCE_ROOT) + "/etc");
  CHECK(files.problems.empty());
  for (const TaskPtr& task : files.tasks) out.push_back(task);
  return out;
}

// The row of the documentation.
std::string row(const services::UpdateTask& task) {
  std::string after;
  for (const std::string& name : task.dependencies())
    after += (after.empty() ? "" : ", ") + shortName(name);
  const std::string space = task.nameSpace();
  return "| `" + shortName(task.name()) + "` | " + task.description() + " | " +
         phaseName(task.concurrency()) + (space.empty() ? "" : ", " + space) + " | " + after + " |";
}

}  // namespace

TEST_CASE("names of the own tasks are identities and do not change") {
  std::string all;
  for (const auto& task : BuiltinTasks().tasks()) all += shortName(task->name()) + "\n";
  CHECK(all ==
        "AddUUIDForUpdateTaskTable\n"
        "DropDuplicateEntryFromUpdateTaskTable\n"
        "MakeUUIDPrimaryForUpdateTaskTable\n"
        "DropVersionTableTask\n"
        "AllowTextInValuesOfDynamicUserAttributesTask\n"
        "AddUUIDForUserAttributeTable\n"
        "MigrateAliasUpdateTask\n"
        "MigrateUUIDsForUserAliasTable\n"
        "RemoveAliasInUserAttributesTable\n"
        "ChangePrimaryKeyForUserAttribute\n"
        "UserAddGuestCreatedByTask\n"
        "filestore:AddFilestoreColumnsToUserTable\n"
        "filestore:AddFilestoreOwnerColumnToUserTable\n"
        "filestore:MakeQuotaMaxConsistentInUserTable\n"
        "AddUserSaltColumnTask\n"
        "filestore:AddUserColumnToFilestoreUsageTable\n"
        "UserAddMailIndexTask\n"
        "AddGuestCreatedByIndexForUserTable\n"
        "EnlargeResourceDescription\n"
        "AllowTextInValuesOfDynamicContextAttributesTask\n"
        "MakeNamePrimaryForContextAttributeTable\n"
        "LdapConvertUtf8ToUtf8mb4Task\n"
        "AdminTablesUtf8Mb4UpdateTask\n"
        "ContextAttributeConvertUtf8ToUtf8mb4Task\n"
        "filestore:FilestoreUsageConvertUtf8ToUtf8mb4Task\n"
        "SettingsConvertUtf8ToUtf8mb4Task\n"
        "SequenceTablesUtf8Mb4UpdateTask\n");
}

TEST_CASE("the set can be ordered, with and without the conversions") {
  const auto all = shipped();
  std::set<std::string> names;
  for (const TaskPtr& task : all) {
    CHECK(names.insert(task->name()).second);
    CHECK_FALSE(task->description().empty());
  }
  for (const TaskPtr& task : all)
    for (const std::string& name : task->dependencies()) CHECK(names.contains(name));
  for (const bool excluded : {false, true}) {
    Exclusions exclusions;
    if (excluded) exclusions.nameSpaces.insert(kUtf8mb4NameSpace);
    auto blocking = planPhase(all, exclusions, {}, Concurrency::kBlocking);
    REQUIRE(blocking);
    Executed executed;
    for (const TaskPtr& task : *blocking) executed[task->name()] = true;
    auto background = planPhase(all, exclusions, executed, Concurrency::kBackground);
    REQUIRE(background);
    CHECK(blocking->size() + background->size() == all.size() - (excluded ? 6U : 0U));
    // The table of the tasks comes first: what follows is recorded there.
    CHECK(shortName((*blocking)[0]->name()) == "AddUUIDForUpdateTaskTable");
  }
}

TEST_CASE("the table of tasks in the documentation is the list of tasks") {
  std::ifstream file(std::string(OX_SOURCE_ROOT) + "/docs/operating/updates.md");
  std::stringstream text;
  text << file.rdbuf();
  std::vector<std::string> documented;
  std::string line;
  const std::string head = "| task | what it does | kind | after |";
  bool inside = false;
  while (std::getline(text, line)) {
    if (line == head) inside = true;
    else if (line.empty() || line[0] != '|') inside = false;
    else if (inside && line.rfind("|---", 0) != 0) documented.push_back(line);
  }
  std::vector<std::string> wanted;
  for (const TaskPtr& task : shipped()) wanted.push_back(row(*task));
  std::string shown = "docs/operating/updates.md should have\n" + head + "\n|---|---|---|---|\n";
  for (const std::string& one : wanted) shown += one + "\n";
  CHECK_MESSAGE(documented == wanted, shown);
}
