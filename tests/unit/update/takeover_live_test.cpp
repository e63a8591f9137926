// What a dead or frozen runner leaves behind, and a master that goes away, on a real server.
#include <chrono>
#include <thread>

#include "live_support.h"
#include "master.h"
#include "plain_task.h"
#include "schema_lease.h"
#include "test_log.h"

using namespace ox;
using namespace ox::update;
using test::plain;
using test::TestSchema;
using Names = std::vector<std::string>;

namespace {
const Concurrency kBl = Concurrency::kBlocking;
const Concurrency kBg = Concurrency::kBackground;

std::unique_ptr<db::Connection> another(const TestSchema& schema) {
  auto settings = test::liveSettings();
  settings.schema = schema.ref.schema;
  settings.readTimeoutMillis = 0;
  auto opened = db::Connection::open(settings);
  REQUIRE(opened);
  return std::move(*opened);
}
Status always() { return {}; }
Predecessor named(db::Connection& connection, TestSchema& schema) {
  return {"dead", static_cast<std::int64_t>(connection.connectionId()),
          schema.value(std::string("SELECT ") + kServerName),
          std::atoll(schema.value(std::string("SELECT ") + kNowMillis).c_str())};
}
}  // namespace

TEST_CASE("a refresh counts its beats and always changes the rows, also with the clock set back") {
  TestSchema schema;
  REQUIRE(ensureTables(schema.connection()));
  auto lease = SchemaLease::take(schema.connection(), kBl, {60000, "one"});
  REQUIRE(lease);
  for (int i = 0; i < 3; ++i) REQUIRE((*lease)->refresh(schema.connection()));
  CHECK(schema.value("SELECT beats FROM updateTaskLease") == "3");
  // As if the database's clock had been an hour ahead until now.
  schema.sql("UPDATE updateTaskLease SET beat = beat + 3600000");
  schema.sql("UPDATE updateTask SET lastModified = lastModified + 3600000");
  REQUIRE((*lease)->refresh(schema.connection()));
  CHECK(schema.value("SELECT beats FROM updateTaskLease") == "4");
  CHECK((*lease)->release(schema.connection()));
}

TEST_CASE("the lease names the connection of its owner, and the successor learns it") {
  TestSchema schema;
  REQUIRE(ensureTables(schema.connection()));
  auto dead = SchemaLease::take(schema.connection(), kBl, {60000, "dead"});
  REQUIRE(dead);
  CHECK_FALSE((*dead)->predecessor());
  auto work = another(schema);
  REQUIRE((*dead)->bind(*work));
  schema.age(100000);
  auto heir = SchemaLease::take(schema.connection(), kBl, {60000, "heir"});
  REQUIRE(heir);
  REQUIRE((*heir)->predecessor());
  CHECK((*heir)->predecessor()->owner == "dead");
  CHECK((*heir)->predecessor()->connectionId == static_cast<std::int64_t>(work->connectionId()));
  CHECK((*dead)->bind(*work).error().code == Code::kUpdSuperseded);
  REQUIRE((*heir)->bind(schema.connection()));  // the dead one's was ended
  REQUIRE((*heir)->release(schema.connection()));
  auto third = SchemaLease::take(schema.connection(), kBl, {60000, "third"});
  REQUIRE(third);
  CHECK_FALSE((*third)->predecessor());  // a clean end leaves nobody to look for
}

TEST_CASE("who dies while waiting for a predecessor does not hide it from the next one") {
  TestSchema schema;
  REQUIRE(ensureTables(schema.connection()));
  auto first = SchemaLease::take(schema.connection(), kBl, {60000, "first"});
  REQUIRE(first);
  auto work = another(schema);
  REQUIRE((*first)->bind(*work));
  const auto left = static_cast<std::int64_t>(work->connectionId());
  for (const char* name : {"second", "third"}) {  // each dies before it has ended that connection
    schema.age(100000);
    auto next = SchemaLease::take(schema.connection(), kBl, {60000, name});
    REQUIRE(next);
    REQUIRE((*next)->predecessor());
    CHECK((*next)->predecessor()->connectionId == left);
  }
  schema.age(100000);
  // One that ends in order without having ended it leaves it named as well.
  auto tidy = SchemaLease::take(schema.connection(), kBl, {60000, "tidy"});
  REQUIRE(tidy);
  REQUIRE((*tidy)->release(schema.connection()));
  CHECK_FALSE(schema.lockRows());
  auto last = SchemaLease::take(schema.connection(), kBl, {60000, "last"});
  REQUIRE(last);
  REQUIRE((*last)->predecessor());
  CHECK((*last)->predecessor()->connectionId == left);
  REQUIRE((*last)->bind(schema.connection()));
  CHECK_FALSE((*last)->predecessor());
  REQUIRE((*last)->release(schema.connection()));
  auto clean = SchemaLease::take(schema.connection(), kBl, {60000, "clean"});
  REQUIRE(clean);
  CHECK_FALSE((*clean)->predecessor());
}

TEST_CASE("an abort ends the waiting for a predecessor, whose statement the next run still finds") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  REQUIRE(ensureTables(schema.connection()));
  auto dead = SchemaLease::take(schema.connection(), kBl, {60000, "dead"});
  REQUIRE(dead);
  auto work = another(schema);
  REQUIRE((*dead)->bind(*work));
  const auto left = static_cast<std::int64_t>(work->connectionId());
  std::thread running([&] { static_cast<void>(work->query("SELECT SLEEP(1000)")); });
  for (int i = 0; i < 5000; ++i) {
    auto thread = serverThread(schema.connection(), left);
    REQUIRE(thread);
    if (thread->present && !thread->idle) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  schema.age(100000);
  RunnerSettings settings = test::runnerSettings();
  settings.takeoverWaitMillis = -1;
  settings.probe = [&](const std::string& point) {
    if (point == "taken") settings.control->abort();
  };
  const TaskSet tasks{{plain("a")}, {}};
  auto report = runner.run(schema.ref, tasks, {}, settings);
  REQUIRE_MESSAGE(report.ok(), (report ? "" : report.error().message));
  CHECK(report->stopped == "aborted");
  CHECK(schema.successful("a") == "none");
  CHECK_FALSE(schema.lockRows());
  CHECK(serverThread(schema.connection(), left)->present);
  settings = test::runnerSettings();
  settings.takeoverWaitMillis = 0;
  report = runner.run(schema.ref, tasks, {}, settings);
  running.join();
  REQUIRE_MESSAGE(report.ok(), (report ? "" : report.error().message));
  CHECK(report->executed == Names{"a"});
  CHECK_FALSE(serverThread(schema.connection(), left)->present);
}

TEST_CASE("an idle connection of a predecessor is ended at once, another server's is left alone") {
  TestSchema schema;
  auto work = another(schema);
  Predecessor elsewhere = named(*work, schema);
  elsewhere.server = "elsewhere:3306/1";
  CHECK(endPredecessor(schema.connection(), elsewhere, 0, always, systemClock()));
  Predecessor earlier = named(*work, schema);
  earlier.bound = 1000;  // before this server was started: the id belongs to somebody else
  CHECK(endPredecessor(schema.connection(), earlier, 0, always, systemClock()));
  CHECK(work->query("SELECT 1").ok());
  CHECK(endPredecessor(schema.connection(), named(*work, schema), -1, always, systemClock()));
  CHECK_FALSE(work->query("SELECT 1").ok());
}

TEST_CASE("a running statement of a predecessor is waited for, or killed when the time is over") {
  TestSchema schema;
  for (const std::int64_t wait : {std::int64_t{-1}, std::int64_t{0}}) {
    auto work = another(schema);
    const Predecessor predecessor = named(*work, schema);
    bool finished = false;
    std::thread running([&] {
      auto rows = work->query("SELECT SLEEP(" + std::string(wait < 0 ? "1" : "1000") + ")");
      finished = rows.ok() && rows->front().text(0) == "0";
    });
    for (int i = 0; i < 5000; ++i) {
      auto thread = serverThread(schema.connection(), predecessor.connectionId);
      REQUIRE(thread);
      if (thread->present && !thread->idle) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(endPredecessor(schema.connection(), predecessor, wait, always, systemClock()));
    running.join();
    CHECK(finished == (wait < 0));
    CHECK_FALSE(work->query("SELECT 1").ok());  // ended either way
  }
}

TEST_CASE("a lock that was left behind after the last task is cleaned up by the next run") {
  test::LiveDatabase database;
  test::TestEvents events;
  Runner runner(database, &events);
  TestSchema schema;
  REQUIRE(ensureTables(schema.connection()));
  auto work = another(schema);
  for (const Concurrency kind : {kBl, kBg}) {
    auto dead = SchemaLease::take(*work, kind, {0, "dead", 60000});
    REQUIRE(dead);
  }
  auto busy = runner.run(schema.ref, TaskSet{}, {}, test::runnerSettings());
  REQUIRE(busy);
  CHECK(schema.lockRows());  // it may still live
  schema.age(100000);
  auto report = runner.run(schema.ref, TaskSet{}, {}, test::runnerSettings());
  REQUIRE(report);
  CHECK_FALSE(schema.lockRows());
}

TEST_CASE("a runner frozen in a transaction on the lease's row is ended by its successor") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  REQUIRE(ensureTables(schema.connection()));
  auto dead = SchemaLease::take(schema.connection(), kBl, {60000, "dead"});
  REQUIRE(dead);
  auto work = another(schema);
  REQUIRE((*dead)->bind(*work));
  schema.age(100000);
  auto transaction = db::Transaction::begin(*work);
  REQUIRE(transaction);
  REQUIRE((*dead)->guard(*work));
  auto report = runner.run(schema.ref, TaskSet{{plain("a")}, {}}, {}, test::runnerSettings());
  REQUIRE_MESSAGE(report.ok(), (report ? "" : report.error().message));
  CHECK(report->executed.size() == 1);
  CHECK_FALSE(transaction->commit().ok());
}

TEST_CASE("a read-only master is waited for, then UPD-0008, and nothing is written") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  RunnerSettings settings = test::runnerSettings();
  settings.masterRetryMillis = 300;
  schema.sql("SET GLOBAL read_only = 1");
  auto refused = runner.run(schema.ref, TaskSet{{plain("a")}, {}}, {}, settings);
  schema.sql("SET GLOBAL read_only = 0");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kUpdNoConnection);
  CHECK(refused.error().message.find("read-only") != std::string::npos);
  CHECK(schema.value("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                     "DATABASE()") == "0");
  CHECK(runner.run(schema.ref, TaskSet{{plain("a")}, {}}, {}, settings).ok());
}

TEST_CASE("a task that loses its connection is performed again on a new one") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  int tries = 0;
  std::string firstId, bound;
  auto report = runner.run(
      schema.ref, TaskSet{{plain("a", Names{}, kBl, "", [&](services::UpdateContext& context) {
        const std::string id = std::to_string(context.connection.connectionId());
        bound = schema.value("SELECT connection_id FROM updateTaskLease WHERE kind = 'LOCKED'");
        CHECK(bound == id);
        if (++tries == 1) {
          firstId = id;
          schema.sql("KILL " + id);
        }
        auto done = context.connection.execute("DO 1");
        return done ? Status() : Status(done.error());
      })}, {}}, {}, test::runnerSettings());
  REQUIRE_MESSAGE(report.ok(), (report ? "" : report.error().message));
  CHECK(tries == 2);
  CHECK(bound != firstId);
  CHECK(report->executed.size() == 1);
  CHECK(schema.successful("a") == "1");
}

TEST_CASE("an abort kills the statement, the task stays pending") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  RunnerSettings settings = test::runnerSettings();
  auto sleeper = plain("a", Names{}, kBl, "", [&](services::UpdateContext& context) -> Status {
    auto rows = context.connection.query("SELECT SLEEP(1000)");
    if (!rows) return rows.error();
    return Error(Code::kUpdTaskFailed, "interrupted: " + rows->front().text(0));
  });
  std::thread killer([&] {
    for (int i = 0; i < 5000; ++i) {
      const auto work = runner.work(schema.ref);
      if (work && work->task == "a") break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    settings.control->abort();
    // The statement may begin a moment after its task.
    for (int i = 0; i < 5000 && runner.work(schema.ref); ++i) {
      static_cast<void>(runner.killRunning(schema.ref));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  auto report = runner.run(schema.ref, TaskSet{{sleeper, plain("b")}, {}}, {}, settings);
  killer.join();
  REQUIRE(report);
  CHECK(report->stopped == "aborted");
  CHECK(report->executed.empty());
  CHECK(report->failed.empty());
  CHECK(schema.successful("a") == "none");
  CHECK_FALSE(schema.lockRows());
}

TEST_CASE("a pause ends the run between tasks, and forced tasks run whatever was done before") {
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  TestSchema schema;
  RunnerSettings settings = test::runnerSettings();
  auto first = plain("a", Names{}, kBl, "", [&](services::UpdateContext&) {
    settings.control->pause(true);
    return Status();
  });
  auto report = runner.run(schema.ref, TaskSet{{first, plain("b")}, {}}, {}, settings);
  REQUIRE(report);
  CHECK(report->stopped == "paused");
  CHECK(report->executed == Names{"a"});
  CHECK_FALSE(schema.lockRows());
  int ran = 0;
  const auto counted = [&](services::UpdateContext&) {
    ++ran;
    return Status();
  };
  Exclusions exclusions;
  exclusions.names = {"a"};
  RunnerSettings force = test::runnerSettings();
  force.forced = {"a"};
  auto forced = runner.run(schema.ref,
                           TaskSet{{plain("a", Names{"b"}, kBl, "", counted), plain("b")}, {}},
                           exclusions, force);
  REQUIRE(forced);
  CHECK(forced->executed == Names{"a"});
  CHECK(ran == 1);
  CHECK(schema.successful("b") == "none");
  force.forced = {"nobody"};
  auto unknown = runner.run(schema.ref, TaskSet{}, {}, force);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Code::kUpdUnknownTask);
}
