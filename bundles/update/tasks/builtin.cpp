#include "builtin.h"

#include "alias_rows.h"
#include "attribute_rows.h"
#include "form_task.h"
#include "index_task.h"
#include "row_changes.h"
#include "task_names.h"
#include "update_table.h"
#include "update_table_rows.h"
#include "utf8mb4_task.h"

namespace ox::update {
namespace {

using services::Concurrency;
using Tasks = std::vector<std::shared_ptr<services::UpdateTask>>;

std::shared_ptr<FormTask> form(TaskFacts facts, std::vector<FormPart> parts,
                               std::vector<TaskStep> before = {}) {
  return std::make_shared<FormTask>(std::move(facts), std::move(parts), std::move(before));
}

// The same columns of `user` and `del_user`.
std::vector<FormPart> users(const std::vector<std::string>& columns) {
  return {{"user", columns, {}}, {"del_user", columns, {}}};
}

// Used until release 7.6 for numbered versions.
Status dropVersionTable(services::UpdateContext& context) {
  auto there = tableExists(context.connection, "version");
  if (!there) return there.error();
  if (!*there) return {};
  auto rows = readRows(context, "SELECT version FROM version LIMIT 1");
  if (!rows) return rows.error();
  const std::string last = rows->empty() ? "none" : rows->front().text(0);
  if (Status s = changeForm(context, "DROP TABLE version"); !s) return s;
  context.progress("table version removed; its last version was " + last);
  return {};
}

// The table of the tasks itself first: everything that follows writes its result there.
void addUpdateTable(Tasks& out) {
  out.push_back(form({names::kAddUUIDForUpdateTaskTable,
                      "gives every row of updateTask a uuid", {}},
                     {}, {giveUuids}));
  out.push_back(form({names::kDropDuplicateEntryFromUpdateTaskTable,
                      "keeps the latest of several rows of one task in updateTask",
                      {names::kAddUUIDForUpdateTaskTable}},
                     {}, {dropDuplicateTasks}));
  out.push_back(form({names::kMakeUUIDPrimaryForUpdateTaskTable,
                      "primary key (cid, uuid) of updateTask",
                      {names::kDropDuplicateEntryFromUpdateTaskTable}},
                     {{"updateTask", {"uuid"}, {kPrimary}}}, {giveUuids, separateUuids}));
  out.push_back(form({names::kDropVersionTableTask,
                      "removes table version, which nothing uses since 7.8", {}},
                     {}, {dropVersionTable}));
}

void addAttributes(Tasks& out) {
  out.push_back(form({names::kAllowTextInValuesOfDynamicUserAttributesTask,
                      "user_attribute.value becomes TEXT", {}},
                     {{"user_attribute", {"value"}, {}}}));
  out.push_back(form({names::kAddUUIDForUserAttributeTable,
                      "gives every row of user_attribute a uuid", {}},
                     {{"user_attribute", {"uuid"}, {}}}));
  out.push_back(form({names::kMigrateAliasUpdateTask,
                      "table user_alias with the aliases of user_attribute",
                      {names::kAddUUIDForUserAttributeTable}},
                     {}, {createAliasTable, copyAliases}));
  out.push_back(form({names::kMigrateUUIDsForUserAliasTable,
                      "column uuid of user_alias",
                      {names::kMigrateAliasUpdateTask}},
                     {{"user_alias", {"uuid"}, {}}}));
  out.push_back(form({names::kRemoveAliasInUserAttributesTable,
                      "takes the aliases that are in user_alias away from user_attribute; their "
                      "uuid goes with them",
                      {names::kMigrateUUIDsForUserAliasTable}},
                     {}, {copyAliases, copyAliasUuids, removeCopiedAliases}));
  const auto separate = [](services::UpdateContext& context) {
    return separateNames(context, "user_attribute", {"cid", "id"});
  };
  out.push_back(form({names::kChangePrimaryKeyForUserAttribute,
                      "primary key (cid, id, name) of user_attribute; names that are equal get "
                      "numbers, no value is lost",
                      {names::kAddUUIDForUserAttributeTable,
                       names::kRemoveAliasInUserAttributesTable,
                       names::kAllowTextInValuesOfDynamicUserAttributesTask}},
                     {{"user_attribute", {}, {kPrimary, "attributeIndex"}}}, {separate}));
}

void addUsers(Tasks& out) {
  out.push_back(form({names::kUserAddGuestCreatedByTask,
                      "guestCreatedBy of user and del_user", {}},
                     users({"guestCreatedBy"})));
  out.push_back(form({names::kAddFilestoreColumnsToUserTable,
                      "file store and quota of user and del_user",
                      {names::kUserAddGuestCreatedByTask}},
                     users({"filestore_id", "filestore_name", "filestore_login",
                            "filestore_passwd", "quota_max"})));
  out.push_back(form({names::kAddFilestoreOwnerColumnToUserTable,
                      "filestore_owner of user and del_user",
                      {names::kAddFilestoreColumnsToUserTable}},
                     users({"filestore_owner"})));
  out.push_back(form({names::kMakeQuotaMaxConsistentInUserTable,
                      "quota_max of user and del_user: no quota is -1, not NULL",
                      {names::kAddFilestoreColumnsToUserTable}},
                     users({"quota_max"})));
  out.push_back(form({names::kAddUserSaltColumnTask, "salt of user and del_user",
                      {names::kAddFilestoreColumnsToUserTable}},
                     users({"salt"})));
  out.push_back(form({names::kAddUserColumnToFilestoreUsageTable,
                      "filestore_usage.user, primary key (cid, user)",
                      {names::kAddFilestoreColumnsToUserTable}},
                     {{"filestore_usage", {"user"}, {kPrimary}}}));
  out.push_back(form({names::kUserAddMailIndexTask,
                      "mailIndex (cid, mail) of user instead of one on mail alone", {},
                      Concurrency::kBackground},
                     {{"user", {}, {"mailIndex"}}}));
  out.push_back(std::make_shared<IndexTask>(
      names::kAddGuestCreatedByIndexForUserTable,
      IndexWanted{"user", "guestCreatedByIndex", {{"cid", 0}, {"guestCreatedBy", 0}}},
      std::vector<std::string>{names::kUserAddGuestCreatedByTask}));
}

void addOthers(Tasks& out) {
  out.push_back(form({names::kEnlargeResourceDescription,
                      "description of resource and del_resource becomes TEXT", {}},
                     {{"resource", {"description"}, {}}, {"del_resource", {"description"}, {}}}));
  out.push_back(form({names::kAllowTextInValuesOfDynamicContextAttributesTask,
                      "contextAttribute.value becomes TEXT", {}},
                     {{"contextAttribute", {"value"}, {}}}));
  const auto separate = [](services::UpdateContext& context) {
    return separateNames(context, "contextAttribute", {"cid"});
  };
  out.push_back(form({names::kMakeNamePrimaryForContextAttributeTable,
                      "primary key (cid, name) of contextAttribute; names that are equal get "
                      "numbers, no value is lost",
                      {names::kAllowTextInValuesOfDynamicContextAttributesTask}},
                     {{"contextAttribute", {}, {kPrimary}}}, {separate}));
}

std::vector<Utf8mb4Table> plainTables(const std::vector<std::string>& names) {
  std::vector<Utf8mb4Table> out;
  for (const std::string& name : names) out.push_back({name, {}, {}});
  return out;
}

// Last: by then every column and key is there, and each table is written once more only.
void addConversions(Tasks& out) {
  std::vector<Utf8mb4Table> people =
      plainTables({"groups", "del_groups", "user", "del_user", "groups_member", "user_attribute",
                   "resource", "del_resource"});
  people.push_back({"login2user", {"uid"}, {}});   // log-in names are case sensitive
  people.push_back({"user_alias", {}, {"alias"}});  // its primary key would become too long
  out.push_back(std::make_shared<Utf8mb4Task>(
      names::kLdapConvertUtf8ToUtf8mb4Task, std::move(people),
      std::vector<std::string>{names::kChangePrimaryKeyForUserAttribute}));
  out.push_back(std::make_shared<Utf8mb4Task>(
      names::kAdminTablesUtf8Mb4UpdateTask,
      std::vector<Utf8mb4Table>{{"login2user", {"uid"}, {}},
                                {"updateTask", {}, {}},
                                {"replicationMonitor", {}, {}},
                                {"quota_context", {}, {}}},
      std::vector<std::string>{names::kMakeUUIDPrimaryForUpdateTaskTable}));
  out.push_back(std::make_shared<Utf8mb4Task>(
      names::kContextAttributeConvertUtf8ToUtf8mb4Task, plainTables({"contextAttribute"}),
      std::vector<std::string>{names::kMakeNamePrimaryForContextAttributeTable}));
  out.push_back(std::make_shared<Utf8mb4Task>(
      names::kFilestoreUsageConvertUtf8ToUtf8mb4Task, plainTables({"filestore_usage"}),
      std::vector<std::string>{names::kAddUserColumnToFilestoreUsageTable}));
  out.push_back(std::make_shared<Utf8mb4Task>(
      names::kSettingsConvertUtf8ToUtf8mb4Task,
      plainTables({"user_configuration", "user_setting_mail", "user_setting_mail_signature",
                   "user_setting_spellcheck", "user_setting_admin", "user_setting",
                   "user_setting_server"})));
  std::vector<std::string> sequences;
  for (const char* of :
       {"id", "principal", "resource", "resource_group", "folder", "calendar", "contact", "task",
        "project", "infostore", "forum", "pinboard", "attachment", "gui_setting", "reminder",
        "ical", "webdav", "uid_number", "gid_number", "mail_service"})
    sequences.push_back(std::string("sequence_") + of);
  out.push_back(std::make_shared<Utf8mb4Task>(names::kSequenceTablesUtf8Mb4UpdateTask,
                                              plainTables(sequences)));
}

}  // namespace

std::vector<std::shared_ptr<services::UpdateTask>> BuiltinTasks::tasks() {
  Tasks out;
  addUpdateTable(out);
  addAttributes(out);
  addUsers(out);
  addOthers(out);
  addConversions(out);
  return out;
}

}  // namespace ox::update
