// The statements of the tasks this bundle brings, from what information_schema would say.
#include <doctest/doctest.h>

#include "tasks/index_task.h"
#include "tasks/utf8mb4_task.h"

using namespace ox;
using namespace ox::update;

namespace {
TableInfo oldUser() {
  TableInfo t;
  t.name = "user";
  t.collation = "utf8_unicode_ci";
  t.columns = {{"cid", "int(10) unsigned", "", "", false, std::nullopt, ""},
               {"mail", "varchar(256)", "utf8", "utf8_unicode_ci", false, std::nullopt, ""},
               {"note", "text", "utf8mb3", "utf8mb3_general_ci", true, "NULL", "it's"},
               {"lang", "varchar(10)", "utf8", "utf8_bin", false, "'de'", ""}};
  t.indexes = {{"PRIMARY", true, {{"cid", 0}}},
               {"mailIndex", false, {{"cid", 0}, {"mail", 255}}},
               {"langIndex", false, {{"lang", 0}}}};
  return t;
}
}  // namespace

TEST_CASE("a conversion changes just the utf8 columns and keeps what they are") {
  CHECK(utf8mb4Statement(oldUser(), {"user", {}, {}}) ==
        "ALTER TABLE `user` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
        ", MODIFY COLUMN `mail` varchar(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL"
        ", MODIFY COLUMN `note` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL DEFAULT NULL"
        " COMMENT 'it''s'"
        ", MODIFY COLUMN `lang` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
        " DEFAULT 'de'"
        ", DROP INDEX `mailIndex`, ADD INDEX `mailIndex` (`cid`, `mail`(191))");
}

TEST_CASE("a converted table needs nothing; a log-in column becomes binary in any case") {
  TableInfo t = oldUser();
  t.collation = "utf8mb4_unicode_ci";
  for (ColumnInfo& c : t.columns)
    if (!c.charset.empty()) c.charset = "utf8mb4", c.collation = "utf8mb4_unicode_ci";
  CHECK(utf8mb4Statement(t, {"user", {}, {}}).empty());
  CHECK(utf8mb4Statement(t, {"user", {"lang"}, {}}).find(
            "MODIFY COLUMN `lang` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin") !=
        std::string::npos);
}

TEST_CASE("kept columns stay, the table's default changes") {
  TableInfo t = oldUser();
  t.columns.resize(2);
  t.indexes.clear();
  CHECK(utf8mb4Statement(t, {"user", {}, {"mail"}}) ==
        "ALTER TABLE `user` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
}

TEST_CASE("old row formats become DYNAMIC, also when nothing else is left to do") {
  TableInfo t = oldUser();
  t.collation = "utf8mb4_unicode_ci";
  t.columns.resize(1);
  t.indexes.clear();
  CHECK(utf8mb4Statement(t, {"user", {}, {}}).empty());
  t.rowFormat = "Dynamic";
  CHECK(utf8mb4Statement(t, {"user", {}, {}}).empty());
  for (const char* old : {"Compact", "Redundant"}) {
    t.rowFormat = old;
    CHECK(utf8mb4Statement(t, {"user", {}, {}}) ==
          "ALTER TABLE `user` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
          ", ROW_FORMAT=DYNAMIC");
  }
}

TEST_CASE("an index counts as there by its name or by its leading columns") {
  const IndexWanted wanted{"user", "x", {{"cid", 0}, {"mail", 0}}};
  TableInfo t = oldUser();
  CHECK_FALSE(hasIndex(t, wanted));  // mailIndex covers only 255 characters
  CHECK(hasIndex(t, {"user", "x", {{"cid", 0}, {"mail", 20}}}));
  CHECK(hasIndex(t, {"user", "langIndex", {{"cid", 0}}}));
  CHECK_FALSE(hasIndex(t, {"user", "x", {{"mail", 20}}}));
}

TEST_CASE("names and texts are quoted for the server") {
  CHECK(quoteName("a`b") == "`a``b`");
  CHECK(quoteText("a'b\\c") == "'a''b\\\\c'");
}
