#include "tables.h"

#include <algorithm>
#include <set>

#include "database/schema_state.h"

namespace ox::provisioning {
namespace {

constexpr const char* kEngine =
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci";

std::string table(const std::string& name, const std::string& body) {
  return "CREATE TABLE `" + name + "` (" + body + ")" + kEngine;
}

// `user` and `del_user` differ in defaults and indexes only.
std::string userColumns(bool tombstone) {
  const auto required = [&](const char* type, const char* fallback) {
    return std::string(type) + " NOT NULL" + (tombstone ? std::string(" DEFAULT ") + fallback : "");
  };
  return "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, "
         "imapServer VARCHAR(128), imapLogin VARCHAR(128), "
         "mail " + required("VARCHAR(256)", "''") + ", mailDomain VARCHAR(128), "
         "mailEnabled " + required("BOOLEAN", "0") + ", "
         "preferredLanguage " + required("VARCHAR(10)", "''") + ", "
         "shadowLastChange " + required("INT", "-1") + ", smtpServer VARCHAR(128), "
         "timeZone " + required("VARCHAR(128)", "''") + ", userPassword VARCHAR(128), "
         "contactId INT UNSIGNED NOT NULL, "
         "passwordMech " + required("VARCHAR(32)", "''") + ", "
         "uidNumber INT UNSIGNED NOT NULL, gidNumber INT UNSIGNED NOT NULL, "
         "homeDirectory " + required("VARCHAR(128)", "''") + ", "
         "loginShell " + required("VARCHAR(128)", "''") + ", "
         "guestCreatedBy INT UNSIGNED NOT NULL DEFAULT 0, "
         "filestore_id INT UNSIGNED NOT NULL DEFAULT 0, "
         "filestore_owner INT UNSIGNED NOT NULL DEFAULT 0, "
         "filestore_name VARCHAR(32), filestore_login VARCHAR(32), filestore_passwd VARCHAR(32), "
         "quota_max BIGINT NOT NULL DEFAULT -1, salt VARBINARY(128), "
         "PRIMARY KEY (cid, id)" +
         (tombstone ? "" : ", KEY mailIndex (cid, mail(191)), "
                           "KEY guestCreatedByIndex (cid, guestCreatedBy)");
}

// `groups` and `del_groups` are alike.
std::string groupColumns() {
  return "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, identifier VARCHAR(128) NOT NULL, "
         "displayName VARCHAR(128) NOT NULL, lastModified BIGINT NOT NULL, "
         "gidNumber INT UNSIGNED NOT NULL, PRIMARY KEY (cid, id)";
}

std::string resourceColumns(bool tombstone) {
  const std::string text = tombstone ? " NOT NULL DEFAULT ''" : " NOT NULL";
  return "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, identifier VARCHAR(128)" + text +
         ", displayName VARCHAR(128)" + text + ", mail VARCHAR(256), available BOOLEAN NOT NULL" +
         (tombstone ? " DEFAULT 0" : "") +
         ", description TEXT, lastModified BIGINT NOT NULL, PRIMARY KEY (cid, id)";
}

TableCreator sequences() {
  TableCreator creator{"sequences", {}, sequenceTables(), {}};
  for (const auto& name : sequenceTables())
    creator.statements.push_back(
        table(name, "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, PRIMARY KEY (cid)"));
  return creator;
}

}  // namespace

const std::vector<std::string>& sequenceTables() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const char* what :
         {"id", "principal", "resource", "resource_group", "folder", "calendar", "contact", "task",
          "project", "infostore", "forum", "pinboard", "attachment", "gui_setting", "reminder",
          "ical", "webdav", "uid_number", "gid_number", "mail_service"})
      all.push_back(std::string("sequence_") + what);
    return all;
  }();
  return names;
}

const std::vector<TableCreator>& tableCreators() {
  static const std::vector<TableCreator> all = {
      {"logins",
       {"user"},
       {"login2user"},
       {table("login2user",
              "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, "
              "uid VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
              "PRIMARY KEY (cid, uid), FOREIGN KEY (cid, id) REFERENCES user (cid, id)")}},
      {"user attributes",
       {"user"},
       {"user_attribute", "user_alias"},
       {table("user_attribute",
              "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, name VARCHAR(128) NOT NULL, "
              "value TEXT NOT NULL, uuid BINARY(16) NOT NULL, PRIMARY KEY (cid, id, name), "
              "KEY attributeIndex (cid, name, value(20)), "
              "FOREIGN KEY (cid, id) REFERENCES user (cid, id)"),
        table("user_alias",
              "cid INT UNSIGNED NOT NULL, user INT UNSIGNED NOT NULL, "
              "alias VARCHAR(255) CHARACTER SET utf8 COLLATE utf8_unicode_ci NOT NULL, "
              "uuid BINARY(16), PRIMARY KEY (cid, user, alias)")}},
      {"group members",
       {"user", "groups"},
       {"groups_member"},
       {table("groups_member",
              "cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, member INT UNSIGNED NOT NULL, "
              "PRIMARY KEY (cid, id, member), "
              "FOREIGN KEY (cid, id) REFERENCES `groups` (cid, id), "
              "FOREIGN KEY (cid, member) REFERENCES user (cid, id)")}},
      {"principals",
       {},
       {"user", "groups", "resource", "del_user", "del_groups", "del_resource"},
       {table("user", userColumns(false)), table("groups", groupColumns()),
        table("resource", resourceColumns(false)), table("del_user", userColumns(true)),
        table("del_groups", groupColumns()), table("del_resource", resourceColumns(true))}},
      {"context administrator",
       {"user"},
       {"user_setting_admin"},
       {table("user_setting_admin",
              "cid INT UNSIGNED NOT NULL, user INT UNSIGNED NOT NULL, PRIMARY KEY (cid, user), "
              "FOREIGN KEY (cid, user) REFERENCES user (cid, id)")}},
      sequences(),
      {"update tasks", {}, {"updateTask"}, {db::kCreateUpdateTaskTable}},
      {"context figures",
       {},
       {"replicationMonitor", "filestore_usage", "contextAttribute"},
       {table("replicationMonitor",
              "cid INT UNSIGNED NOT NULL, transaction BIGINT NOT NULL, PRIMARY KEY (cid)"),
        table("filestore_usage",
              "cid INT UNSIGNED NOT NULL, user INT UNSIGNED NOT NULL DEFAULT 0, "
              "used BIGINT NOT NULL, PRIMARY KEY (cid, user)"),
        table("contextAttribute",
              "cid INT UNSIGNED NOT NULL, name VARCHAR(128) NOT NULL, value TEXT NOT NULL, "
              "PRIMARY KEY (cid, name)")}},
  };
  return all;
}

Result<std::vector<const TableCreator*>> orderCreators(const std::vector<TableCreator>& creators) {
  std::vector<const TableCreator*> waiting;
  for (const auto& creator : creators) waiting.push_back(&creator);
  std::vector<const TableCreator*> ordered;
  std::set<std::string> there;
  while (!waiting.empty()) {
    const auto ready = std::find_if(waiting.begin(), waiting.end(), [&](const TableCreator* one) {
      return std::all_of(one->needs.begin(), one->needs.end(),
                         [&](const std::string& need) { return there.contains(need); });
    });
    if (ready == waiting.end()) {
      std::string names;
      for (const auto* one : waiting) names += (names.empty() ? "" : ", ") + one->name;
      return Error(Code::kAdmStorage, "table creators wait for tables nobody creates: " + names);
    }
    there.insert((*ready)->creates.begin(), (*ready)->creates.end());
    ordered.push_back(*ready);
    waiting.erase(ready);
  }
  return ordered;
}

Status createTables(db::Connection& schema) {
  auto ordered = orderCreators(tableCreators());
  if (!ordered) return ordered.error();
  for (const TableCreator* creator : *ordered)
    for (const std::string& statement : creator->statements)
      if (auto made = schema.execute(statement); !made)
        return Error(Code::kAdmStorage, "creating " + creator->name + ": " + made.error().message);
  return {};
}

}  // namespace ox::provisioning
