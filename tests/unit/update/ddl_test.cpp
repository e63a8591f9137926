// What a statement changes and what it may cost: pure reading of SQL.
#include <doctest/doctest.h>

#include "ddl.h"
#include "table_sizes.h"

using namespace ox::update;

namespace {
std::string table(const char* sql) {
  const auto target = ddlTarget(sql);
  return target ? target->table : "none";
}
}  // namespace

TEST_CASE("the table of ALTER TABLE and CREATE INDEX, however it is written") {
  CHECK(table("ALTER TABLE user ADD COLUMN a INT") == "user");
  CHECK(table("alter table `odd ``name` add a int") == "odd `name");
  CHECK(table("ALTER ONLINE IGNORE TABLE IF EXISTS ox_1.`user` ADD a INT") == "user");
  CHECK(table("ALTER TABLE `ox_1` . prg_dates DROP a") == "prg_dates");
  CHECK(table("CREATE UNIQUE INDEX `on` ON login (cid)") == "login");
  CHECK(table("CREATE INDEX i USING BTREE ON t (a)") == "t");
  CHECK(table("ALTER TABLE if_there ADD a INT") == "if_there");
  for (const char* other : {"", "ALTER", "ALTER TABLE", "ALTER DATABASE CHARACTER SET utf8mb4",
                            "CREATE TABLE t (a INT)", "INSERT INTO t VALUES ('ALTER TABLE x')",
                            "CREATE INDEX", "DROP TABLE t", "`ALTER` TABLE t", "ALTER TABLE `"})
    CHECK_MESSAGE(table(other) == "none", other);
}

TEST_CASE("ALGORITHM and LOCK count as chosen only outside of texts and names") {
  CHECK(ddlTarget("ALTER TABLE t ADD a INT, ALGORITHM = INPLACE")->chosen);
  CHECK(ddlTarget("ALTER TABLE t ADD a INT, lock=none")->chosen);
  CHECK_FALSE(ddlTarget("ALTER TABLE t ADD a INT COMMENT ', LOCK=NONE'")->chosen);
  CHECK_FALSE(ddlTarget("ALTER TABLE t ADD `lock` INT")->chosen);
  CHECK_FALSE(ddlTarget("ALTER TABLE t ADD b INT COMMENT 'it\\'s ALGORITHM=COPY'")->chosen);
}

TEST_CASE("only INSTANT and NOCOPY need no room for a copy") {
  CHECK(ddlTarget("ALTER TABLE t ADD a INT")->copies);
  CHECK(ddlTarget("ALTER TABLE t ADD a INT, LOCK=NONE")->copies);
  CHECK(ddlTarget("ALTER TABLE t MODIFY a TEXT, ALGORITHM=copy, LOCK=SHARED")->copies);
  CHECK_FALSE(ddlTarget("ALTER TABLE t ADD a INT, LOCK=NONE, algorithm = instant")->copies);
  CHECK_FALSE(ddlTarget("CREATE INDEX i ON t (a) ALGORITHM=NOCOPY")->copies);
}

TEST_CASE("the expected lock is the worst that a clause needs") {
  CHECK(expectedLock("ALTER TABLE t ADD COLUMN a INT") == "INSTANT");
  CHECK(expectedLock("ALTER TABLE t ADD a INT, ADD INDEX i (a)") == "INPLACE, LOCK=NONE");
  CHECK(expectedLock("ALTER TABLE t ADD PRIMARY KEY (a)") == "INPLACE, LOCK=SHARED");
  CHECK(expectedLock("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a)") == "COPY, LOCK=SHARED");
  CHECK(expectedLock("ALTER TABLE t MODIFY a TEXT, ADD INDEX i (a)") == "COPY, LOCK=SHARED");
  CHECK(expectedLock("CREATE INDEX i ON t (a)") == "INPLACE, LOCK=NONE");
  CHECK(expectedLock("ALTER TABLE t ADD a INT, LOCK=NONE") == "as the statement says");
  CHECK(expectedLock("INSERT INTO t VALUES (1)").empty());
}

TEST_CASE("bytes are shown with the unit that suits") {
  CHECK(shownBytes(0) == "0 bytes");
  CHECK(shownBytes(1536) == "1.5 KiB");
  CHECK(shownBytes(3LL << 30) == "3.0 GiB");
}

TEST_CASE("statements that a transaction can hold, told from those that commit by themselves") {
  for (const char* rows : {"INSERT INTO t VALUES (1)", " update t set a = 1", "delete from t",
                           "REPLACE\nINTO t SELECT 1"})
    CHECK_MESSAGE(changesRows(rows), rows);
  for (const char* other : {"", "ALTER TABLE t ADD insert_time INT", "TRUNCATE TABLE t",
                            "CREATE TABLE t (a INT)", "`INSERT` INTO t VALUES (1)", "INSERTED"})
    CHECK_FALSE_MESSAGE(changesRows(other), other);
}

TEST_CASE("what a change of a form means to a Galera cluster is said, unless it is over at once") {
  const ox::db::GaleraState total{true, "TOI"};
  CHECK(clusterNote(total, "COPY, LOCK=SHARED").find("whole cluster") != std::string::npos);
  CHECK(clusterNote(total, "INPLACE, LOCK=NONE").find("TOI") != std::string::npos);
  CHECK(clusterNote(total, "as the statement says") != "");
  CHECK(clusterNote(total, "INSTANT").empty());
  CHECK(clusterNote({true, "RSU"}, "COPY, LOCK=SHARED").empty());
  CHECK(clusterNote({}, "COPY, LOCK=SHARED").empty());
}

TEST_CASE("tables of statements that follow one another are looked up with one question") {
  using Names = std::vector<std::string>;
  const Names statements = {"ALTER TABLE a ADD x INT", "ALTER TABLE b ADD x INT",
                            "CREATE INDEX i ON c (x)", "INSERT INTO a SELECT * FROM b",
                            "ALTER TABLE d ADD x INT", "ALTER TABLE e ADD x INT",
                            "ALTER TABLE d ADD y INT"};
  TableSizes sizes;
  sizes.announce(statements);
  sizes.begins(statements[0]);
  CHECK(sizes.question("a") == Names{"a", "b", "c"});  // not beyond what may fill a table
  for (const int i : {1, 2, 3, 4}) sizes.begins(statements[static_cast<std::size_t>(i)]);
  CHECK(sizes.question("d") == Names{"d", "e"});  // a size counts for one change
  sizes.begins("ALTER TABLE z ADD x INT");        // not what was told
  CHECK(sizes.question("z") == Names{"z"});
  Names many;
  for (int i = 0; i < 200; ++i) many.push_back("ALTER TABLE t" + std::to_string(i) + " FORCE");
  sizes.announce(many);
  sizes.begins(many[0]);
  CHECK(sizes.question("t0").size() == kMaxSizesAtOnce);
}
