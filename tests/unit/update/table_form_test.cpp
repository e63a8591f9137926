// The ALTER TABLE that leads from what information_schema would say to the declared form.
#include <doctest/doctest.h>

#include <algorithm>

#include "tasks/attribute_rows.h"
#include "tasks/table_form.h"

using namespace ox;
using namespace ox::update;

namespace {

// As it is in a schema of 7.8, as MariaDB shows it.
TableInfo oldAttributes() {
  TableInfo t;
  t.name = "user_attribute";
  t.collation = "utf8_unicode_ci";
  t.columns = {{"cid", "int(10) unsigned", "", "", false, std::nullopt, ""},
               {"id", "int(10) unsigned", "", "", false, std::nullopt, ""},
               {"name", "varchar(128)", "utf8", "utf8_unicode_ci", false, std::nullopt, ""},
               {"value", "varchar(128)", "utf8", "utf8_unicode_ci", true, "NULL", "it's"},
               {"uuid", "binary(16)", "", "", true, "NULL", ""}};
  t.indexes = {{"PRIMARY", true, {{"cid", 0}, {"uuid", 0}}},
               {"cid", false, {{"cid", 0}, {"name", 0}, {"value", 20}}},
               {"user_key", false, {{"cid", 0}, {"id", 0}}},
               {"mine", false, {{"name", 0}}}};
  return t;
}

// A table in the declared form, as the server would describe it.
TableInfo inForm(const TableForm& form, bool mysql) {
  TableInfo t;
  t.name = form.name;
  t.collation = "utf8mb4_unicode_ci";
  for (const ColumnForm& column : form.columns) {
    ColumnInfo info{column.name, column.type, "", "", column.nullable, column.defaultSql, ""};
    if (!mysql && info.type == "int unsigned") info.type = "int(10) unsigned";
    if (!mysql && info.type == "bigint") info.type = "bigint(20)";
    if (!mysql && info.nullable) info.defaultSql = "NULL";
    if (mysql && info.defaultSql && info.defaultSql->front() != '\'')
      info.defaultSql = "'" + *info.defaultSql + "'";
    t.columns.push_back(info);
  }
  t.indexes = form.keys;
  return t;
}

FormPart everything(const TableForm& form) {
  FormPart part{form.name, {}, {}};
  for (const ColumnForm& column : form.columns) part.columns.push_back(column.name);
  for (const IndexInfo& key : form.keys) part.keys.push_back(key.name);
  return part;
}

}  // namespace

TEST_CASE("a table in its form needs nothing, however the server words it") {
  for (const TableForm& form : userSchemaForm())
    for (const bool mysql : {false, true}) {
      const TableInfo table = inForm(form, mysql);
      CHECK(formStatement(table, form, everything(form)) == "");
      CHECK(columnsToFill(table, form, everything(form)).empty());
    }
}

TEST_CASE("only the part of the task is changed, in one statement") {
  const TableForm& form = tableForm("user_attribute");
  CHECK(formStatement(oldAttributes(), form, {"user_attribute", {"value"}, {}}) ==
        "ALTER TABLE `user_attribute` MODIFY COLUMN `value` text CHARACTER SET utf8 COLLATE "
        "utf8_unicode_ci NOT NULL COMMENT 'it''s'");
  // The foreign key's own index and the old form of attributeIndex go, a stranger's index stays.
  CHECK(formStatement(oldAttributes(), form, {"user_attribute", {}, {"PRIMARY", "attributeIndex"}}) ==
        "ALTER TABLE `user_attribute` DROP PRIMARY KEY, ADD PRIMARY KEY (`cid`, `id`, `name`), DROP "
        "INDEX `cid`, DROP INDEX `user_key`, ADD INDEX `attributeIndex` (`cid`, `name`, `value`(20))");
}

TEST_CASE("a column that must not be NULL is added open, filled, then closed") {
  const TableForm& form = tableForm("user_attribute");
  const FormPart part{"user_attribute", {"uuid"}, {}};
  TableInfo t = oldAttributes();
  t.columns.pop_back();
  CHECK(columnsToFill(t, form, part).empty());
  CHECK(formStatement(t, form, part) ==
        "ALTER TABLE `user_attribute` ADD COLUMN `uuid` binary(16) NULL AFTER `value`");
  t = oldAttributes();
  REQUIRE(columnsToFill(t, form, part).size() == 1);
  CHECK(columnsToFill(t, form, part)[0]->name == "uuid");
  CHECK(formStatement(t, form, part) ==
        "ALTER TABLE `user_attribute` MODIFY COLUMN `uuid` binary(16) NOT NULL");
}

TEST_CASE("new columns stand where they stand in the form") {
  const TableForm& form = tableForm("user");
  TableInfo t = inForm(form, false);
  const auto without = [&](const std::string& name) {
    std::erase_if(t.columns, [&](const ColumnInfo& c) { return c.name == name; });
  };
  for (const char* name : {"filestore_id", "filestore_owner", "filestore_name", "loginShell"})
    without(name);
  without("guestCreatedBy");
  CHECK(formStatement(t, form, {"user", {"filestore_id", "filestore_name"}, {}}) ==
        "ALTER TABLE `user` ADD COLUMN `filestore_id` int unsigned NOT NULL DEFAULT 0 AFTER "
        "`homeDirectory`, ADD COLUMN `filestore_name` varchar(32) NULL AFTER `filestore_id`");
  without("cid");
  CHECK(formStatement(t, form, {"user", {"cid"}, {}}) ==
        "ALTER TABLE `user` ADD COLUMN `cid` int unsigned NOT NULL FIRST");
}

TEST_CASE("keys of another form are made anew, those of earlier releases go") {
  const TableForm& form = tableForm("user");
  TableInfo t = inForm(form, false);
  t.indexes[1] = {"mail", false, {{"mail", 255}}};
  CHECK(formStatement(t, form, {"user", {}, {"mailIndex"}}) ==
        "ALTER TABLE `user` ADD INDEX `mailIndex` (`cid`, `mail`(191)), DROP INDEX `mail`");
  t.indexes[1] = {"mailIndex", false, {{"cid", 0}, {"mail", 255}}};
  CHECK(formStatement(t, form, {"user", {}, {"mailIndex"}}) ==
        "ALTER TABLE `user` DROP INDEX `mailIndex`, ADD INDEX `mailIndex` (`cid`, `mail`(191))");
  TableInfo usage = inForm(tableForm("filestore_usage"), false);
  usage.columns.erase(usage.columns.begin() + 1);
  usage.indexes = {{"PRIMARY", true, {{"cid", 0}}}};
  CHECK(formStatement(usage, tableForm("filestore_usage"), {"filestore_usage", {"user"}, {"PRIMARY"}}) ==
        "ALTER TABLE `filestore_usage` ADD COLUMN `user` int unsigned NOT NULL DEFAULT 0 AFTER `cid`, "
        "DROP PRIMARY KEY, ADD PRIMARY KEY (`cid`, `user`)");
}

TEST_CASE("types without display width") {
  CHECK(plainType("int(10) unsigned") == "int unsigned");
  CHECK(plainType("bigint(20)") == "bigint");
  CHECK(plainType("BIGINT") == "bigint");
  CHECK(plainType("tinyint(1)") == "tinyint(1)");
  CHECK(plainType("varchar(128)") == "varchar(128)");
}

TEST_CASE("a name with a number stays within the column, cut between characters") {
  CHECK(suffixedName("color", 2) == "color~2");
  CHECK(suffixedName("", 10) == "~10");
  const std::string han = "\xE8\xAA\x9E";
  std::string full, cut;
  for (int i = 0; i < 128; ++i) full += han;
  for (int i = 0; i < 126; ++i) cut += han;
  CHECK(suffixedName(full, 2) == cut + "~2");
  CHECK(suffixedName(cut, 2) == cut + "~2");
  CHECK(suffixedName(full, 123) == cut.substr(0, cut.size() - 2 * han.size()) + "~123");
}
