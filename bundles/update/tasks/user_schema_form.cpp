// The tables that have changed between release 7.8 and 7.10.6, as they are since 7.10.6.
// source: the original's CreateLdap2SqlTables, CreateMiscTables, ContextAttributeCreateTable and
//         CreateUpdateTaskTable of 7.10.6; test: a fresh schema differs in nothing.
#include "table_form.h"

namespace ox::update {
namespace {

// 16 random bytes for each row. Not UUID() alone: some releases of MySQL compute it once per
// statement when it is converted between character sets.
constexpr const char* kRandomUuid = "UNHEX(MD5(CONCAT(UUID(), RAND(), RAND())))";

ColumnForm required(std::string name, std::string type) {
  return {std::move(name), std::move(type), false, std::nullopt, ""};
}
ColumnForm optional(std::string name, std::string type) {
  return {std::move(name), std::move(type), true, std::nullopt, ""};
}
ColumnForm preset(std::string name, std::string type, const std::string& fallback) {
  return {std::move(name), std::move(type), false, fallback, fallback};
}
ColumnForm identity(std::string name) {
  return {std::move(name), "binary(16)", false, std::nullopt, kRandomUuid};
}

// `user` and `del_user`: most of what a tombstone does not know has a default.
std::vector<ColumnForm> userColumns(bool tombstone) {
  const auto known = [&](const char* name, const char* type, const char* fallback) {
    return tombstone ? preset(name, type, fallback) : required(name, type);
  };
  return {required("cid", "int unsigned"),
          required("id", "int unsigned"),
          optional("imapServer", "varchar(128)"),
          optional("imapLogin", "varchar(128)"),
          known("mail", "varchar(256)", "''"),
          optional("mailDomain", "varchar(128)"),
          known("mailEnabled", "tinyint(1)", "0"),
          known("preferredLanguage", "varchar(10)", "''"),
          known("shadowLastChange", "int", "-1"),
          optional("smtpServer", "varchar(128)"),
          known("timeZone", "varchar(128)", "''"),
          optional("userPassword", "varchar(128)"),
          required("contactId", "int unsigned"),
          known("passwordMech", "varchar(32)", "''"),
          required("uidNumber", "int unsigned"),
          required("gidNumber", "int unsigned"),
          known("homeDirectory", "varchar(128)", "''"),
          known("loginShell", "varchar(128)", "''"),
          preset("guestCreatedBy", "int unsigned", "0"),
          preset("filestore_id", "int unsigned", "0"),
          preset("filestore_owner", "int unsigned", "0"),
          optional("filestore_name", "varchar(32)"),
          optional("filestore_login", "varchar(32)"),
          optional("filestore_passwd", "varchar(32)"),
          preset("quota_max", "bigint", "-1"),
          optional("salt", "varbinary(128)")};
}

std::vector<ColumnForm> resourceColumns(bool tombstone) {
  const auto known = [&](const char* name, const char* type, const char* fallback) {
    return tombstone ? preset(name, type, fallback) : required(name, type);
  };
  return {required("cid", "int unsigned"),          required("id", "int unsigned"),
          known("identifier", "varchar(128)", "''"), known("displayName", "varchar(128)", "''"),
          optional("mail", "varchar(256)"),          known("available", "tinyint(1)", "0"),
          optional("description", "text"),           required("lastModified", "bigint")};
}

const IndexInfo kById{kPrimary, true, {{"cid", 0}, {"id", 0}}};

}  // namespace

const std::vector<TableForm>& userSchemaForm() {
  static const std::vector<TableForm> all = {
      {"user",
       userColumns(false),
       {kById,
        {"mailIndex", false, {{"cid", 0}, {"mail", 191}}},
        {"guestCreatedByIndex", false, {{"cid", 0}, {"guestCreatedBy", 0}}}},
       {{{"mail", 0}}, {{"mail", 255}}, {{"mail", 191}}}},
      {"del_user", userColumns(true), {kById}, {}},
      {"resource", resourceColumns(false), {kById}, {}},
      {"del_resource", resourceColumns(true), {kById}, {}},
      {"user_attribute",
       {required("cid", "int unsigned"), required("id", "int unsigned"),
        required("name", "varchar(128)"), required("value", "text"), identity("uuid")},
       {{kPrimary, true, {{"cid", 0}, {"id", 0}, {"name", 0}}},
        {"attributeIndex", false, {{"cid", 0}, {"name", 0}, {"value", 20}}}},
       {{{"cid", 0}, {"name", 0}, {"value", 20}}}},
      {"user_alias",
       {required("cid", "int unsigned"), required("user", "int unsigned"),
        required("alias", "varchar(255)"), optional("uuid", "binary(16)")},
       {{kPrimary, true, {{"cid", 0}, {"user", 0}, {"alias", 0}}}},
       {}},
      {"contextAttribute",
       {required("cid", "int unsigned"), required("name", "varchar(128)"),
        required("value", "text")},
       {{kPrimary, true, {{"cid", 0}, {"name", 0}}}},
       {{{"cid", 0}, {"name", 0}}, {{"cid", 0}, {"name", 0}, {"value", 20}}}},
      {"filestore_usage",
       {required("cid", "int unsigned"), preset("user", "int unsigned", "0"),
        required("used", "bigint")},
       {{kPrimary, true, {{"cid", 0}, {"user", 0}}}},
       {}},
      {"updateTask",
       {required("cid", "int unsigned"), required("taskName", "varchar(1024)"),
        required("successful", "tinyint(1)"), required("lastModified", "bigint"),
        identity("uuid")},
       {{kPrimary, true, {{"cid", 0}, {"uuid", 0}}},
        {"full", false, {{"cid", 0}, {"taskName", 191}}}},
       {}},
  };
  return all;
}

}  // namespace ox::update
