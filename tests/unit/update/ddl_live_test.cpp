// Changes of tables on a real server: what is chosen, what is stated, what is waited for.
#include "live_support.h"
#include "plain_task.h"
#include "sql_file_task.h"
#include "test_log.h"

using namespace ox;
using namespace ox::update;
using test::ExpectErrors;
using test::plain;
using test::TestSchema;
using Names = std::vector<std::string>;

namespace {
struct Told {
  Names lines;
  DdlSettings settings() {
    DdlSettings out;
    out.progress = [this](const std::string& line) { lines.push_back(line); };
    out.lockWaitSeconds = 1;
    out.tries = 2;
    return out;
  }
  bool says(const std::string& part) const {
    for (const std::string& line : lines)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }
};
// A table of more than kSmallTableBytes.
void makeBig(TestSchema& schema) {
  schema.sql("CREATE TABLE big (id INT PRIMARY KEY, a VARCHAR(200), b VARCHAR(200)) ENGINE=InnoDB");
  schema.sql("INSERT INTO big SELECT seq, REPEAT('x', 150), REPEAT('y', 150) FROM seq_1_to_10000");
  schema.value("ANALYZE TABLE big");
}
}  // namespace

TEST_CASE("a big table: size stated, the kindest way the server accepts is taken") {
  TestSchema schema;
  makeBig(schema);
  Told told;
  auto added = changeTable(schema.connection(), "ALTER TABLE big ADD COLUMN c INT", told.settings());
  REQUIRE_MESSAGE(added.ok(), (added ? "" : added.error().message));
  REQUIRE(told.lines.size() == 1);
  CHECK(told.says("table big, "));
  CHECK(told.says("MiB in about"));
  CHECK(told.says(": ALGORITHM=INSTANT"));
  told.lines.clear();
  REQUIRE(changeTable(schema.connection(), "CREATE INDEX i ON big (a)", told.settings()));
  CHECK(told.lines.back().find("LOCK=NONE") != std::string::npos);
  told.lines.clear();
  REQUIRE(changeTable(schema.connection(), "ALTER TABLE big MODIFY a MEDIUMTEXT, DROP INDEX i",
                      told.settings()));
  CHECK(told.lines.back().find("ALGORITHM=COPY, LOCK=SHARED") != std::string::npos);
  CHECK(told.says("free"));
  CHECK(schema.value("SELECT COUNT(*) FROM big WHERE LENGTH(a) = 150") == "10000");
}

TEST_CASE("sizes of several tables: in their order, nothing for what is no table") {
  TestSchema schema;
  schema.sql("CREATE TABLE a (x INT)");
  schema.sql("CREATE TABLE b (x INT, y TEXT)");
  schema.sql("INSERT INTO b SELECT seq, REPEAT('y', 1000) FROM seq_1_to_2000");
  schema.sql("CREATE TABLE c (x INT, y TEXT) STATS_PERSISTENT=0");  // the server keeps no statistics
  schema.sql("INSERT INTO c SELECT * FROM b");
  schema.sql("ANALYZE TABLE b, c");
  auto sizes = tableSizes(schema.connection(), {"b", "gone", "a", "c"});
  REQUIRE(sizes);
  REQUIRE(sizes->size() == 4);
  CHECK_FALSE(sizes->at(1).has_value());
  REQUIRE(sizes->at(0).has_value());
  REQUIRE(sizes->at(2).has_value());
  REQUIRE(sizes->at(3).has_value());
  CHECK(sizes->at(0)->bytes > sizes->at(2)->bytes);
  CHECK(sizes->at(3)->bytes > sizes->at(2)->bytes);
  CHECK(sizes->at(0)->rows > 1000);
  for (const char* table : {"a", "b", "c"})
    CHECK(std::to_string((*tableSize(schema.connection(), table))->bytes) ==
          schema.value("SELECT DATA_LENGTH + INDEX_LENGTH FROM information_schema.TABLES WHERE "
                       "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" + std::string(table) + "'"));
}

TEST_CASE("too little disk for a copy is an error before anything is done") {
  TestSchema schema;
  makeBig(schema);
  Told told;
  DdlSettings settings = told.settings();
  settings.freeDisk = [](db::Connection&) { return std::optional<std::int64_t>(1000); };
  auto refused = changeTable(schema.connection(), "ALTER TABLE big MODIFY a MEDIUMTEXT", settings);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("only 1000 bytes are free") != std::string::npos);
  CHECK(schema.value("SELECT DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
                     "DATABASE() AND TABLE_NAME = 'big' AND COLUMN_NAME = 'a'") == "varchar");
  // Also where the statement chooses its way by itself.
  auto chosen = changeTable(schema.connection(),
                            "ALTER TABLE big MODIFY a MEDIUMTEXT, ALGORITHM=COPY", settings);
  REQUIRE_FALSE(chosen);
  CHECK(chosen.error().message.find("only 1000 bytes are free") != std::string::npos);
  CHECK(changeTable(schema.connection(), "ALTER TABLE big ADD COLUMN e INT, ALGORITHM=INSTANT",
                    settings)
            .ok());
  // What needs no copy is done nevertheless.
  CHECK(changeTable(schema.connection(), "ALTER TABLE big ADD COLUMN d INT", settings).ok());
}

TEST_CASE("the server on this host tells its free disk") {
  TestSchema schema;
  const auto room = freeDisk(schema.connection());
  REQUIRE(room);
  CHECK(*room > 0);
}

TEST_CASE("a table in use is waited for briefly and again, then the task stays pending") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  schema.sql("CREATE TABLE t (a INT)");
  auto reader = db::Connection::open(test::liveSettings());
  REQUIRE(reader);
  REQUIRE((*reader)->selectSchema(schema.ref.schema));
  auto transaction = db::Transaction::begin(**reader);
  REQUIRE((*reader)->query("SELECT * FROM t").ok());
  auto parsed = parseSqlFile("-- name: alter\nALTER TABLE t ADD b INT;\n", "t.sql");
  REQUIRE(parsed);
  RunnerSettings settings = test::runnerSettings();
  settings.ddl.lockWaitSeconds = 1;
  settings.ddl.tries = 2;
  const TaskSet tasks{{std::make_shared<SqlFileTask>(*parsed), plain("later")}, {}};
  auto busy = runner.run(schema.ref, tasks, {}, settings);
  REQUIRE_FALSE(busy);
  CHECK(busy.error().code == Code::kBusy);
  CHECK(busy.error().message.find("connection " + std::to_string((*reader)->connectionId())) !=
        std::string::npos);
  CHECK(schema.successful("alter") == "none");
  CHECK_FALSE(schema.lockRows());
  REQUIRE((*reader)->commit());
  auto done = runner.run(schema.ref, tasks, {}, settings);
  REQUIRE_MESSAGE(done.ok(), (done ? "" : done.error().message));
  CHECK(done->executed == Names{"alter", "later"});
}

TEST_CASE("a file that must not begin again fails when a later statement finds its table in use") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  schema.sql("CREATE TABLE t (a INT)");
  schema.sql("CREATE TABLE done (a INT)");
  auto reader = db::Connection::open(test::liveSettings());
  REQUIRE(reader);
  REQUIRE((*reader)->selectSchema(schema.ref.schema));
  auto transaction = db::Transaction::begin(**reader);
  REQUIRE((*reader)->query("SELECT * FROM t").ok());
  auto parsed = parseSqlFile(
      "-- name: both\nINSERT INTO done VALUES (1);\nALTER TABLE t ADD b INT;\n", "t.sql");
  REQUIRE(parsed);
  RunnerSettings settings = test::runnerSettings();
  settings.ddl.lockWaitSeconds = 1;
  settings.ddl.tries = 1;
  ExpectErrors expected;
  auto report = runner.run(schema.ref, TaskSet{{std::make_shared<SqlFileTask>(*parsed)}, {}}, {},
                           settings);
  REQUIRE(report);
  REQUIRE(report->failed.size() == 1);
  CHECK(report->failed[0].reason.find("1 statement(s) before are done") != std::string::npos);
  CHECK(schema.value("SELECT COUNT(*) FROM done") == "1");
}
