// Whole runs on a real server.
#include <thread>

#include "base/log.h"
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
const Concurrency kBl = Concurrency::kBlocking;
const Concurrency kBg = Concurrency::kBackground;

TaskPtr file(const std::string& text) {
  auto parsed = parseSqlFile(text, "t.sql");
  REQUIRE_MESSAGE(parsed.ok(), (parsed ? "" : parsed.error().message));
  return std::make_shared<SqlFileTask>(std::move(*parsed));
}

struct World {
  test::LiveDatabase database;
  test::TestEvents events;
  Runner runner{database, &events};
  TestSchema schema;
  Result<services::UpdateReport> run(std::vector<TaskPtr> tasks, const Exclusions& exclusions = {},
                                     RunnerSettings settings = test::runnerSettings()) {
    return runner.run(schema.ref, TaskSet{std::move(tasks), {}}, exclusions, settings);
  }
};
std::string names(const Names& list) {
  std::string out;
  for (const std::string& n : list) out += n + " ";
  return out;
}
}  // namespace

TEST_CASE("background after blocking, dependencies first; nothing is left locked") {
  World w;
  auto report = w.run({plain("bg", Names{"b"}, kBg), plain("b", Names{"a"}), plain("a")});
  REQUIRE(report);
  CHECK(names(report->executed) == "a b bg ");
  CHECK(report->failed.empty());
  CHECK(w.schema.successful("bg") == "1");
  CHECK_FALSE(w.schema.lockRows());
  CHECK(
      w.schema.value("SELECT COUNT(*) FROM updateTaskRun WHERE successful = 1 AND ended >= started "
                     "AND fence = 1") == "3");
  // A second run has nothing to do and takes no lock.
  auto again = w.run({plain("a"), plain("b"), plain("bg", Names{}, kBg)});
  REQUIRE(again);
  CHECK(again->executed.empty());
  CHECK(w.schema.value("SELECT MAX(fence) FROM updateTaskLease") == "1");
}

TEST_CASE("while a blocking task runs the schema is locked, and contexts hear before and after") {
  World w;
  std::size_t before = 0;
  auto report = w.run({plain("a", Names{}, kBl, "", [&](services::UpdateContext& context) {
    before = w.events.events.size();
    auto state = db::readLockState(context.connection, {});
    CHECK(state->blocking.fresh);
    return Status();
  })});
  REQUIRE(report);
  REQUIRE(before == 2);
  REQUIRE(w.events.events.size() == 4);
  for (const int at : {0, 2}) {
    const auto& schema = w.events.events[at];
    CHECK(schema.region == services::kRegionSchema);
    CHECK(schema.keys == std::vector<services::CacheKey>{{4, {w.schema.ref.schema}}});
    const auto& contexts = w.events.events[at + 1];
    CHECK(contexts.region == services::kRegionContext);
    CHECK(contexts.keys == std::vector<services::CacheKey>{{3, {}}, {5, {}}});
  }
}

TEST_CASE("a second runner gets UPD-0003, in this process and from another node") {
  World w;
  test::TestEvents otherEvents;
  Runner other(w.database, &otherEvents);
  Code same = Code::kInternal, remote = Code::kInternal;
  bool lockStayed = false;
  auto report = w.run({plain("a", Names{}, kBl, "", [&](services::UpdateContext&) {
    auto here = w.run({plain("x")});
    same = here ? Code::kInternal : here.error().code;
    auto there = other.run(w.schema.ref, TaskSet{{plain("x")}, {}}, {}, test::runnerSettings());
    remote = there ? Code::kInternal : there.error().code;
    lockStayed = w.schema.lockRows();
    return Status();
  })});
  REQUIRE(report);
  CHECK(same == Code::kUpdLocked);
  CHECK(remote == Code::kUpdLocked);
  CHECK(lockStayed);
  CHECK(other.counts().refused == 1);
  CHECK(otherEvents.events.empty());
}

TEST_CASE("a failing SQL task gives a report and successful=0, the following tasks run") {
  World w;
  w.schema.sql("CREATE TABLE t (a INT PRIMARY KEY)");
  ExpectErrors expected;
  auto report =
      w.run({file("-- name: bad\nINSERT INTO t VALUES (1);\nINSERT INTO missing VALUES (1);\n"),
             plain("after"), plain("dependent", Names{"bad"}),
             plain("thrower", Names{}, kBg, "",
                   [](services::UpdateContext&) -> Status { throw std::runtime_error("boom"); }),
             plain("bg", Names{}, kBg)});
  REQUIRE(report);
  CHECK(names(report->executed) == "after bg ");
  REQUIRE(report->failed.size() == 3);
  CHECK(report->failed[0].task == "bad");
  CHECK(report->failed[0].schema == w.schema.ref.schema);
  CHECK(report->failed[0].reason.find("t.sql:3:") != std::string::npos);
  CHECK(report->failed[1].reason.substr(0, 8) == "UPD-0027");
  CHECK(report->failed[2].reason.find("boom") != std::string::npos);
  CHECK(w.schema.successful("bad") == "0");
  CHECK(w.schema.successful("dependent") == "0");
  CHECK(w.schema.successful("after") == "1");
  CHECK_FALSE(w.schema.lockRows());
  CHECK(w.schema.value("SELECT text FROM updateTaskRun WHERE task = 'bad'").find("missing") !=
        std::string::npos);
}

TEST_CASE("an excluded task does not run and leaves no row") {
  World w;
  Exclusions exclusions;
  exclusions.names = {"a"};
  exclusions.nameSpaces = {"space"};
  auto report = w.run({plain("a"), plain("b", Names{}, kBl, "space"), plain("c")}, exclusions);
  REQUIRE(report);
  CHECK(names(report->executed) == "c ");
  CHECK(w.schema.successful("a") == "none");
  CHECK(w.schema.successful("b") == "none");
}

TEST_CASE("a superseded runner writes no result and stops before its next task") {
  World w;
  bool secondRan = false;
  auto report = w.run(
      {plain("first", Names{}, kBl, "", [&](services::UpdateContext&) {
         // Another node thought us dead.
         w.schema.age(100000);
         auto taken = SchemaLease::take(w.schema.connection(), kBl, {60000, "other"});
         REQUIRE(taken);
         return Status();
       }),
       plain("second", Names{}, kBl, "", [&](services::UpdateContext&) {
         secondRan = true;
         return Status();
       })});
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kUpdSuperseded);
  CHECK_FALSE(secondRan);
  CHECK(w.schema.successful("first") == "none");
  CHECK(w.schema.value("SELECT owner FROM updateTaskLease WHERE kind = 'LOCKED'") == "other");
  CHECK(w.schema.lockRows());
  CHECK(w.runner.counts().superseded == 1);
}

TEST_CASE("an operator who removes the LOCKED row stops the runner before its next task") {
  World w;
  bool secondRan = false;
  auto report = w.run({plain("first", Names{}, kBl, "", [&](services::UpdateContext&) {
                         w.schema.sql("DELETE FROM updateTask WHERE taskName = 'LOCKED'");
                         return Status();
                       }),
                       plain("second", Names{}, kBl, "", [&](services::UpdateContext&) {
                         secondRan = true;
                         return Status();
                       })});
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kUpdSuperseded);
  CHECK_FALSE(secondRan);
  CHECK(w.schema.successful("first") == "1");
  CHECK(w.schema.value("SELECT owner FROM updateTaskLease") == "");
}

TEST_CASE("files of both phases run on one connection, what may change the session is followed by another") {
  World w;
  w.schema.sql("CREATE TABLE used (kind VARCHAR(16), id BIGINT, named BIGINT)");
  const auto look = [](const std::string& name, const std::string& kind, const std::string& row) {
    return file("-- name: " + name + "\n-- concurrency: " + kind +
                "\nINSERT INTO used SELECT '" + row + "', CONNECTION_ID(), connection_id FROM "
                "updateTaskLease WHERE kind = '" + row + "';\n");
  };
  REQUIRE(w.run({look("a", "blocking", "LOCKED"), look("b", "background", "BACKGROUND")}));
  CHECK(w.schema.value("SELECT COUNT(*) FROM used WHERE id = named") == "2");
  CHECK(w.schema.value("SELECT COUNT(DISTINCT id) FROM used") == "1");
  CHECK(w.schema.value("SELECT SUM(connection_id) FROM updateTaskLease") == "0");

  w.schema.sql("DELETE FROM used");
  REQUIRE(w.run({look("c", "blocking", "LOCKED"), plain("may set what it likes"),
                 look("d", "background", "BACKGROUND")}));
  CHECK(w.schema.value("SELECT COUNT(*) FROM used WHERE id = named") == "2");
  CHECK(w.schema.value("SELECT COUNT(DISTINCT id) FROM used") == "2");
}

TEST_CASE("while a task works the lock is refreshed") {
  World w;
  RunnerSettings settings = test::runnerSettings();
  settings.refreshMillis = 10;
  auto report = w.run({plain("a", Names{}, kBl, "",
                             [&](services::UpdateContext& context) -> Status {
                               const std::string query =
                                   "SELECT beat FROM updateTaskLease WHERE kind = 'LOCKED'";
                               const std::string first = w.schema.value(query);
                               for (int i = 0; i < 2000 && w.schema.value(query) == first; ++i)
                                 std::this_thread::yield();
                               CHECK(w.schema.value(query) != first);
                               CHECK_FALSE(context.superseded());
                               return {};
                             })},
                      {}, settings);
  REQUIRE(report);
  CHECK(names(report->executed) == "a ");
}

TEST_CASE("what another node did while we waited for the lock is not done twice") {
  World w;
  // The list is made again under the lock: "a" appears as executed in between.
  struct Sneaky final : services::CacheEvents {
    TestSchema* schema = nullptr;
    bool done = false;
    void publish(const services::CacheEvent&) override {
      if (std::exchange(done, true)) return;
      REQUIRE(writeResult(schema->connection(), "a", true));
    }
    std::unique_ptr<services::Subscription> subscribe(const std::string&,
                                                      services::CacheListener) override {
      return nullptr;
    }
  } sneaky;
  sneaky.schema = &w.schema;
  Runner runner(w.database, &sneaky);
  auto report = runner.run(w.schema.ref, TaskSet{{plain("a"), plain("b")}, {}}, {},
                           test::runnerSettings());
  REQUIRE(report);
  CHECK(names(report->executed) == "b ");
}

TEST_CASE("a precondition of 0 is success without running; nonsense is a failure") {
  World w;
  ExpectErrors expected;
  auto report = w.run(
      {file("-- name: done\n-- precondition: SELECT 0\nINSERT INTO missing VALUES (1);\n"),
       file("-- name: odd\n-- precondition: SELECT 2\nINSERT INTO missing VALUES (1);\n")});
  REQUIRE(report);
  CHECK(names(report->executed) == "done ");
  REQUIRE(report->failed.size() == 1);
  CHECK(report->failed[0].reason.find("1 or 0, not '2'") != std::string::npos);
}

TEST_CASE("a file that must not run twice is refused after an interrupted run, others go on") {
  World w;
  w.schema.sql("CREATE TABLE t (a INT)");
  REQUIRE(ensureTables(w.schema.connection()));
  for (const char* name : {"once", "often"})
    w.schema.sql(
        "INSERT INTO updateTaskRun (run, task, kind, fence, owner, started) VALUES ('x', '" +
        std::string(name) + "', 'LOCKED', 1, 'dead', 1)");
  ExpectErrors expected;
  auto report = w.run({file("-- name: once\nINSERT INTO t VALUES (1);\n"),
                       file("-- name: often\n-- rerunnable: yes\nINSERT INTO t VALUES (2);\n")});
  REQUIRE(report);
  CHECK(names(report->executed) == "often ");
  REQUIRE(report->failed.size() == 1);
  CHECK(report->failed[0].reason.find("interrupted") != std::string::npos);
  CHECK(w.schema.value("SELECT GROUP_CONCAT(a) FROM t") == "2");
}

TEST_CASE("after stop() no further task begins and the lock is given back") {
  World w;
  auto report = w.run({plain("a", Names{}, kBl, "", [&](services::UpdateContext&) {
                         w.runner.stop();
                         return Status();
                       }),
                       plain("b")});
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kShutdown);
  CHECK(w.schema.successful("a") == "1");
  CHECK(w.schema.successful("b") == "none");
  CHECK_FALSE(w.schema.lockRows());
}

TEST_CASE("a window that is over leaves the rest pending, and says so") {
  World w;
  RunnerSettings settings = test::runnerSettings();
  settings.control->setUntil(systemClock().wallMillis() + 600'000);
  const test::PlainTask::Work timeComes = [&](services::UpdateContext&) {
    settings.control->setUntil(1);
    return Status();
  };
  auto report = w.run({plain("first", Names{}, kBl, std::string(), timeComes), plain("second")}, {},
                      settings);
  REQUIRE_MESSAGE(report.ok(), (report ? "" : report.error().message));
  CHECK(report->executed == Names{"first"});
  CHECK(report->stopped == "window over");
  CHECK(w.schema.successful("second") == "none");
  CHECK_FALSE(w.schema.lockRows());
}
