// Annotated SQL files: splitter, header, hostile input.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "sql_file_task.h"
#include "sql_split.h"

using namespace ox;
using namespace ox::update;

namespace {
std::vector<std::string> texts(const std::string& sql) {
  auto split = splitStatements(sql, "f.sql");
  std::vector<std::string> out;
  REQUIRE_MESSAGE(split.ok(), (split.ok() ? "" : split.error().message));
  for (const SqlStatement& s : *split) out.push_back(s.text);
  return out;
}
std::string problem(const std::string& sql) {
  auto split = splitStatements(sql, "f.sql");
  return split ? "" : split.error().message;
}
std::string fileProblem(const std::string& text) {
  auto parsed = parseSqlFile(text, "f.sql");
  return parsed ? "" : parsed.error().message;
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
const std::string kBody = "\nDELETE FROM t;\n";
}  // namespace

TEST_CASE("statements end at semicolons outside quotes and comments") {
  CHECK(texts("UPDATE t SET a=';' ; DELETE FROM t -- ; no\n WHERE b=\"x;y\" AND `c;d`=1;") ==
        std::vector<std::string>{"UPDATE t SET a=';'",
                                 "DELETE FROM t \n WHERE b=\"x;y\" AND `c;d`=1"});
  CHECK(texts("DELETE FROM t WHERE a='it''s; \\'; x' # ;\n;").size() == 1);
  CHECK(texts("/* ; */DELETE FROM t/*;*/WHERE a=1") ==
        std::vector<std::string>{"DELETE FROM t WHERE a=1"});
  CHECK(texts("UPDATE t SET a=5--1;") == std::vector<std::string>{"UPDATE t SET a=5--1"});
  CHECK(texts(" ;;\n; ").empty());
  CHECK(texts("DELETE FROM `a``;b`; DELETE FROM c").size() == 2);
}

TEST_CASE("a statement knows the line where it begins") {
  auto split = splitStatements("\n\n/* a\nb */ DELETE\nFROM t;\nDELETE FROM u", "f.sql", 10);
  REQUIRE(split);
  CHECK((*split)[0].line == 13);
  CHECK((*split)[1].line == 15);
}

TEST_CASE("what cannot run safely is one error with file and line") {
  CHECK(has(problem("\nDELIMITER //\n"), "f.sql:2: DELIMITER is not supported"));
  CHECK(has(problem("DELETE FROM t WHERE a='x;\n\n"), "f.sql:1: a quote ' that begins here"));
  CHECK(has(problem("DELETE FROM t; /* x"), "f.sql:1: a comment that begins here"));
  CHECK(has(problem("/*!50000 DROP TABLE t */;"), "executable comments"));
  CHECK(has(problem("/*M!100000 DROP TABLE t */;"), "executable comments"));
  CHECK(has(problem("USE other;"), "not with 'USE'"));
  CHECK(has(problem("SELECT 1;"), "not with 'SELECT'"));
  CHECK(has(problem("SET sql_mode='';"), "may begin with"));
  CHECK(has(problem("(SELECT 1);"), "may begin with"));
  CHECK(has(problem("CREATE DEFINER=root@localhost PROCEDURE p() BEGIN END"),
            "CREATE PROCEDURE is not allowed"));
  CHECK(has(problem("create or replace trigger x"), "CREATE TRIGGER is not allowed"));
  CHECK(has(problem("DROP DATABASE configdb"), "DROP DATABASE is not allowed"));
  CHECK(has(problem("DROP/**/SCHEMA configdb"), "DROP SCHEMA is not allowed"));
  CHECK(has(problem(std::string("DELETE FROM t\0;", 15)), "NUL byte"));
  CHECK(has(problem("DELETE FROM t WHERE a='" + std::string(kMaxSqlStatementBytes, 'x') + "'"),
            "more than"));
  std::string many;
  for (std::size_t i = 0; i <= kMaxSqlStatements; ++i) many += "DELETE FROM t;";
  CHECK(has(problem(many), "more than 1000 statements"));
  CHECK(problem("CREATE TABLE event (a INT); ALTER TABLE `function` ADD b INT").empty());
}

TEST_CASE("a full header is understood") {
  auto parsed = parseSqlFile("\xEF\xBB\xBF-- Copyright: nobody, an ordinary line has a capital\r\n"
                             "-- a comment without a key\n\n"
                             "-- name: com.example.Task$1\r\n"
                             "-- depends: a.B, c.D\n-- depends: e.F\n"
                             "-- concurrency: background\n-- namespace: my.space\n"
                             "-- description: does: something\n"
                             "-- precondition: SELECT COUNT(*) = 0 FROM t ;\n"
                             "-- rerunnable: yes\n" + kBody,
                             "f.sql");
  // "Copyright:" looks like a key; keys are lower case and known.
  CHECK_FALSE(parsed);
  parsed = parseSqlFile("-- a comment without a key\n\n-- name: com.example.Task$1\r\n"
                        "-- depends: a.B, c.D\n-- depends: e.F\n"
                        "-- concurrency: background\n-- namespace: my.space\n"
                        "-- description: does: something\n"
                        "-- precondition: SELECT COUNT(*) = 0 FROM t ;\n"
                        "-- rerunnable: yes\n" + kBody,
                        "f.sql");
  REQUIRE(parsed);
  CHECK(parsed->name == "com.example.Task$1");
  CHECK(parsed->depends == std::vector<std::string>{"a.B", "c.D", "e.F"});
  CHECK(parsed->concurrency == services::Concurrency::kBackground);
  CHECK(parsed->nameSpace == "my.space");
  CHECK(parsed->description == "does: something");
  CHECK(parsed->precondition == "SELECT COUNT(*) = 0 FROM t");
  CHECK(parsed->rerunnable);
  REQUIRE(parsed->statements.size() == 1);
  CHECK(parsed->statements[0].line == 12);
}

TEST_CASE("defaults are the careful ones") {
  auto parsed = parseSqlFile("-- name: a.B" + kBody, "f.sql");
  REQUIRE(parsed);
  CHECK(parsed->concurrency == services::Concurrency::kBlocking);
  CHECK_FALSE(parsed->rerunnable);
}

TEST_CASE("each mistake in a header is named with file, line and what is allowed") {
  CHECK(has(fileProblem(kBody), "f.sql:1: the header has no line '-- name:"));
  CHECK(has(fileProblem(""), "no line '-- name:"));
  CHECK(has(fileProblem("-- name: a b" + kBody), "f.sql:1: 'name' is 'a b'; allowed are"));
  CHECK(has(fileProblem("-- name: LOCKED" + kBody), "not LOCKED or BACKGROUND"));
  CHECK(has(fileProblem("-- name: x'; DROP TABLE t" + kBody), "'name' is"));
  CHECK(has(fileProblem("-- name: " + std::string(kMaxTaskName + 1, 'a') + kBody), "'name' is"));
  CHECK(has(fileProblem("\n-- name:\n" + kBody), "f.sql:2: 'name' has no value"));
  CHECK(has(fileProblem("-- name: a\n-- name: b" + kBody), "f.sql:2: 'name' is given twice"));
  CHECK(has(fileProblem("-- name: a\n-- depend: b" + kBody), "f.sql:2: unknown key 'depend'"));
  CHECK(has(fileProblem("-- name: a\n-- depends: b,,c" + kBody), "'depends' is ''"));
  CHECK(has(fileProblem("-- name: a\n-- depends: a" + kBody), "depends on itself"));
  CHECK(has(fileProblem("-- name: a\n-- concurrency: both" + kBody),
            "allowed are blocking and background"));
  CHECK(has(fileProblem("-- name: a\n-- rerunnable: true" + kBody), "allowed are yes and no"));
  CHECK(has(fileProblem("-- name: a\n-- precondition: DELETE FROM t" + kBody), "one SELECT"));
  CHECK(has(fileProblem("-- name: a\n-- precondition: SELECT 1; DELETE FROM t" + kBody),
            "one SELECT"));
  CHECK(has(fileProblem("-- name: a\n-- namespace: x y" + kBody), "'namespace' is"));
  CHECK(has(fileProblem("-- name: a\n-- nothing else\n"), "there is no statement"));
  CHECK(has(fileProblem("-- name: a\n-- " + std::string(kMaxSqlHeaderLine, 'x') + kBody),
            "f.sql:2: a header line has more than"));
  CHECK(has(fileProblem(std::string("-- name: a\0b\n", 13)), "NUL byte"));
  CHECK(has(fileProblem(std::string(kMaxSqlFileBytes + 1, ' ')), "allowed are"));
  std::string depends = "-- name: a\n";
  for (std::size_t i = 0; i <= kMaxDependencies; ++i) depends += "-- depends: b\n";
  CHECK(has(fileProblem(depends + kBody), "more than 100 dependencies"));
}

TEST_CASE("random bytes never break the parser") {
  SeededRandom random(7);
  const std::string alphabet("-:'\"`\\/*#;\n\r \0DELETE name depends\xC3\xA4", 35);
  for (int i = 0; i < 3000; ++i) {
    std::string text = random.chance(1, 2) ? "-- name: a\n" : "";
    for (std::uint64_t n = random.below(200); n > 0; --n)
      text += alphabet[random.below(alphabet.size())];
    auto parsed = parseSqlFile(text, "f.sql");
    if (!parsed) CHECK(parsed.error().message.substr(0, 6) == "f.sql:");
  }
}

TEST_CASE("a bad file is a problem by its name, the others live") {
  namespace fs = std::filesystem;
  const fs::path etc = fs::temp_directory_path() / ("ox-update-" + secureHex(8));
  CHECK(readSqlFiles(etc).tasks.empty());  // no directory: nothing
  CHECK(readSqlFiles(etc).problems.empty());
  fs::create_directories(etc / "updatetasks");
  std::ofstream(etc / "updatetasks" / "b.sql") << "-- name: b.Good" << kBody;
  std::ofstream(etc / "updatetasks" / "a.sql") << "-- nome: a.Bad" << kBody;
  std::ofstream(etc / "updatetasks" / "c.txt") << "not looked at";
  std::ofstream(etc / "updatetasks" / "d.sql") << "";
  const SqlFiles files = readSqlFiles(etc);
  fs::remove_all(etc);
  REQUIRE(files.tasks.size() == 1);
  CHECK(files.tasks[0]->name() == "b.Good");
  REQUIRE(files.problems.size() == 2);
  CHECK(files.problems[0].file == "updatetasks/a.sql");
  CHECK(has(files.problems[0].text, "unknown key 'nome'"));
  CHECK(files.problems[1].file == "updatetasks/d.sql");
}

TEST_CASE("the sum of a file follows its statements, not its comments, blanks and line ends") {
  const auto sum = [](const std::string& text) {
    auto parsed = ox::update::parseSqlFile(text, "t.sql");
    REQUIRE(parsed.ok());
    return ox::update::SqlFileTask(*parsed).contentSum();
  };
  const std::string first = sum("-- name: a\nINSERT INTO t\nVALUES (1);\nDELETE FROM t;\n");
  CHECK(first.size() == 16);
  CHECK(sum("-- name: a\r\n-- description: other\r\n/* x */ INSERT INTO t\r\n  VALUES (1);\r\n"
            "DELETE FROM t;\r\n") == first);
  CHECK(sum("-- name: a\nINSERT INTO t VALUES (2);\nDELETE FROM t;\n") != first);
  CHECK(sum("-- name: a\nINSERT INTO t VALUES (1);\n") != first);
  CHECK(sum("-- name: a\n-- precondition: SELECT 1\nINSERT INTO t VALUES (1);\nDELETE FROM t;\n") !=
        first);
}

TEST_CASE("a temporary table outlives its file, anything else does not") {
  const auto keeps = [](const std::string& sql) {
    auto parsed = parseSqlFile("-- name: t\n" + sql, "t.sql");
    REQUIRE(parsed);
    return SqlFileTask(std::move(*parsed)).keepsSession();
  };
  CHECK(keeps("ALTER TABLE a ADD x INT;\nUPDATE a SET x = 1;\n"));
  CHECK(keeps("CREATE TABLE b (x INT);\n"));
  CHECK_FALSE(keeps("UPDATE a SET x = 1;\ncreate or replace temporary table b (x INT);\n"));
}
