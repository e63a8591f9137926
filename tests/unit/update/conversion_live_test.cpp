// The own tasks, and the service, on a schema in the form of release 7.8.
#include <filesystem>
#include <fstream>

#include "live_support.h"
#include "service.h"
#include "sql_file_task.h"
#include "tasks/builtin.h"

using namespace ox;
using namespace ox::update;
using test::TestSchema;

namespace {

constexpr int kUsers = 500;

void makeOldSchema(TestSchema& s) {
  s.sql("CREATE TABLE user (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL,"
        " mail VARCHAR(256) COLLATE utf8_unicode_ci NOT NULL,"
        " preferredLanguage VARCHAR(10) COLLATE utf8_unicode_ci NOT NULL DEFAULT 'en_US',"
        " note TEXT COLLATE utf8_unicode_ci, mailEnabled BOOLEAN NOT NULL,"
        " guestCreatedBy INT UNSIGNED NOT NULL DEFAULT 0, salt VARBINARY(128) DEFAULT NULL,"
        " PRIMARY KEY (cid, id), INDEX mailIndex (cid, mail(255))"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci");
  s.sql("CREATE TABLE login2user (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL,"
        " uid VARCHAR(128) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL, PRIMARY KEY (cid, uid),"
        " FOREIGN KEY (cid, id) REFERENCES user (cid, id)"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci");
  s.sql("CREATE TABLE user_attribute (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL,"
        " name VARCHAR(128) COLLATE utf8_unicode_ci NOT NULL, value TEXT COLLATE utf8_unicode_ci "
        "NOT NULL, uuid BINARY(16) NOT NULL, PRIMARY KEY (cid, uuid),"
        " FOREIGN KEY (cid, id) REFERENCES user (cid, id)"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci");
  s.sql("CREATE TABLE user_alias (cid INT UNSIGNED NOT NULL, user INT UNSIGNED NOT NULL,"
        " alias VARCHAR(255) COLLATE utf8_unicode_ci NOT NULL, uuid BINARY(16) DEFAULT NULL,"
        " PRIMARY KEY (cid, user, alias)"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci");
  for (int i = 1; i <= kUsers; ++i) {
    const std::string n = std::to_string(i);
    s.sql("INSERT INTO user (cid, id, mail, note, mailEnabled, salt) VALUES (1, " + n + ", 'ü" + n +
          "@example.com', 'naïve " + n + "', 1, UNHEX('ff00" + (i % 2 ? "80" : "7f") + "'))");
    s.sql("INSERT INTO login2user (cid, id, uid) VALUES (1, " + n + ", 'Jürgen" + n + "')");
    s.sql("INSERT INTO user_attribute VALUES (1, " + n + ", 'k', 'wärt" + n +
          "', UNHEX(MD5(" + n + ")))");
    s.sql("INSERT INTO user_alias VALUES (1, " + n + ", 'älias" + n + "', NULL)");
  }
}

std::string charset(TestSchema& s, const std::string& table, const std::string& column) {
  return s.value("SELECT CONCAT(COLLATION_NAME, ' ', COLUMN_TYPE, ' ', IS_NULLABLE) FROM "
                 "information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" +
                 table + "' AND COLUMN_NAME = '" + column + "'");
}
std::string index(TestSchema& s, const std::string& table, const std::string& name) {
  return s.value("SELECT GROUP_CONCAT(CONCAT(COLUMN_NAME, ':', IFNULL(SUB_PART, '')) ORDER BY "
                 "SEQ_IN_INDEX) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() "
                 "AND TABLE_NAME = '" + table + "' AND INDEX_NAME = '" + name + "'");
}
// All cells as bytes, whatever their character set.
std::string fingerprint(TestSchema& s) {
  std::string out;
  for (const char* query :
       {"SELECT MD5(GROUP_CONCAT(id, HEX(CONVERT(mail USING utf8mb4)), preferredLanguage, "
        "HEX(CONVERT(note USING utf8mb4)), mailEnabled, HEX(salt) ORDER BY id)) FROM user",
        "SELECT MD5(GROUP_CONCAT(id, HEX(CONVERT(uid USING utf8mb4)) ORDER BY id)) FROM login2user",
        "SELECT MD5(GROUP_CONCAT(id, name, HEX(CONVERT(value USING utf8mb4)), HEX(uuid) ORDER BY "
        "id)"
        ") FROM user_attribute",
        "SELECT MD5(GROUP_CONCAT(user, HEX(CONVERT(alias USING utf8mb4)) ORDER BY user)) FROM "
        "user_alias"})
    out += s.value(query) + " ";
  return out;
}

std::string shipped() {
  const char* source = std::getenv("OX_SOURCE");
  REQUIRE_MESSAGE(source != nullptr, "OX_SOURCE is not set");
  return std::string(source) + "/etc";
}

}  // namespace

TEST_CASE("a schema of release 7.8 is converted and keeps every row") {
  test::LiveDatabase database;
  test::TestEvents events;
  TestSchema s;
  makeOldSchema(s);
  s.sql("SET SESSION group_concat_max_len = 10000000");
  const std::string before = fingerprint(s);
  TaskSet tasks;
  tasks.tasks = BuiltinTasks().tasks();
  const SqlFiles files = readSqlFiles(shipped());
  CHECK(files.problems.empty());
  REQUIRE(files.tasks.size() >= 1);
  for (const auto& task : files.tasks) tasks.tasks.push_back(task);
  Runner runner(database, &events);
  auto report = runner.run(s.ref, tasks, {}, test::runnerSettings());
  REQUIRE(report);
  CHECK_MESSAGE(report->failed.empty(), (report->failed.empty() ? "" : report->failed[0].reason));
  CHECK(report->executed.size() == tasks.tasks.size());

  CHECK(fingerprint(s) == before);
  CHECK(charset(s, "user", "mail") == "utf8mb4_unicode_ci varchar(256) NO");
  CHECK(charset(s, "user", "note") == "utf8mb4_unicode_ci text YES");
  CHECK(charset(s, "login2user", "uid") == "utf8mb4_bin varchar(128) NO");
  CHECK(charset(s, "user_alias", "alias").find("utf8mb4") == std::string::npos);
  CHECK(index(s, "user", "mailIndex") == "cid:,mail:191");
  CHECK(index(s, "user", "guestCreatedByIndex") == "cid:,guestCreatedBy:");
  CHECK(index(s, "user_attribute", "attributeIndex") == "cid:,name:,value:20");
  CHECK(s.value("SELECT COUNT(*) FROM user") == std::to_string(kUsers));
  s.sql("UPDATE user SET note = '\xF0\x9F\x98\x80' WHERE id = 1");  // four bytes are possible now
  s.sql("INSERT INTO user (cid, id, mail, mailEnabled) VALUES (1, 9999, 'x', 1)");
  CHECK(s.value("SELECT preferredLanguage FROM user WHERE id = 9999") == "en_US");

  // Repeated after a crash before the result rows: every task finds its work done.
  s.sql("DELETE FROM updateTask");
  auto again = runner.run(s.ref, tasks, {}, test::runnerSettings());
  REQUIRE(again);
  CHECK(again->failed.empty());
  CHECK(again->executed.size() == tasks.tasks.size());
}

TEST_CASE("the service marks a new schema as up to date, except what is excluded") {
  namespace fs = std::filesystem;
  const fs::path etc = fs::temp_directory_path() / ("ox-update-etc-" + secureHex(8));
  fs::create_directories(etc / "updatetasks");
  std::ofstream(etc / "excludedupdatetasks.properties") << "# comment\nmy.Excluded\n";
  std::ofstream(etc / "updatetasks" / "a.sql") << "-- name: my.Excluded\nDELETE FROM t;\n";
  std::ofstream(etc / "updatetasks" / "b.sql") << "-- name: my.Good\nDELETE FROM t;\n";
  std::ofstream(etc / "updatetasks" / "c.sql") << "-- name: my.Good\nDELETE FROM t;\n";
  auto config = std::make_shared<config::ConfigService>(config::Config::load(etc.string()));
  UpdateServiceImpl service(config, std::make_shared<test::LiveDatabase>(), nullptr, [] {
    return std::vector<std::shared_ptr<services::UpdateTaskProvider>>();
  });
  TestSchema s;
  REQUIRE(service.markAllExecuted(s.ref, s.connection()));
  CHECK(s.successful("my.Good") == "1");
  CHECK(s.successful("my.Excluded") == "none");
  auto rows = service.list(s.ref);
  REQUIRE(rows);
  for (const services::TaskRow& row : *rows)
    CHECK(row.state == (row.name == "my.Excluded" ? "excluded" : "executed"));
  CHECK(rows->size() == BuiltinTasks().tasks().size() + 2);
  // The second file of the same name is reported, and nothing is pending.
  auto report = service.run(s.ref);
  REQUIRE(report);
  CHECK(report->executed.empty());
  REQUIRE(report->failed.size() == 1);
  CHECK(report->failed[0].schema == s.ref.schema);
  CHECK(report->failed[0].reason.find("updatetasks/c.sql") != std::string::npos);
  service.stop();
  CHECK(service.run(s.ref).error().code == Code::kShutdown);
  fs::remove_all(etc);
}
