// Rows that a task changes, together with the lease, on a real server.
#include "fenced_rows.h"
#include "live_support.h"
#include "plain_task.h"
#include "test_log.h"

using namespace ox;
using namespace ox::update;
using test::plain;
using test::TestSchema;

namespace {
struct World {
  TestSchema schema;
  std::unique_ptr<SchemaLease> lease;
  std::vector<std::string> told;
  DdlSettings settings;
  World() {
    REQUIRE(ensureTables(schema.connection()));
    schema.sql("CREATE TABLE effects (name VARCHAR(20) NOT NULL) ENGINE=InnoDB");
    auto taken = SchemaLease::take(schema.connection(), Concurrency::kBlocking, {60000, "one"});
    REQUIRE(taken);
    lease = std::move(*taken);
    settings.progress = [this](const std::string& line) { told.push_back(line); };
    settings.lockWaitSeconds = 1;
    settings.tries = 2;
  }
  Result<std::uint64_t> insert() {
    return changeRows(schema.connection(), "INSERT INTO effects VALUES ('a')", *lease, settings);
  }
  std::string effects() { return schema.value("SELECT COUNT(*) FROM effects"); }
  // The first `times` inserts are rolled back as Galera does; what counts them is not.
  void conflict(int times) {
    schema.sql("CREATE TABLE tries (n INT) ENGINE=MyISAM");
    schema.sql("CREATE TRIGGER conflict BEFORE INSERT ON effects FOR EACH ROW BEGIN INSERT INTO tries "
               "VALUES (1); IF (SELECT COUNT(*) FROM tries) <= " + std::to_string(times) +
               " THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF; END");
  }
};
}  // namespace

TEST_CASE("the rows and the proof that the lease is ours are one transaction") {
  World world;
  auto done = world.insert();
  REQUIRE_MESSAGE(done.ok(), (done ? "" : done.error().message));
  CHECK(*done == 1);
  CHECK(world.effects() == "1");
  CHECK_FALSE(world.schema.connection().inTransaction());
  CHECK(world.lease->refresh(world.schema.connection()));
  CHECK(world.lease->release(world.schema.connection()));
}

TEST_CASE("a runner that was overtaken changes no row") {
  World world;
  world.schema.sql("UPDATE updateTaskLease SET fence = fence + 1, owner = 'two'");
  auto done = world.insert();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kUpdSuperseded);
  CHECK(world.effects() == "0");
  CHECK_FALSE(world.schema.connection().inTransaction());
}

TEST_CASE("rows that a task changes are fenced by the runner") {
  TestSchema schema;
  schema.sql("CREATE TABLE effects (name VARCHAR(20) NOT NULL) ENGINE=InnoDB");
  test::LiveDatabase database;
  Runner runner(database, nullptr);
  RunnerSettings settings;
  settings.node = "one";
  std::string seen;
  TaskSet tasks;
  tasks.tasks.push_back(
      plain("t.Overtaken", std::vector<std::string>{}, Concurrency::kBlocking, "",
            [&](services::UpdateContext& context) -> Status {
              schema.sql("UPDATE updateTaskLease SET fence = fence + 1, owner = 'two'");
              auto done = context.change("INSERT INTO effects VALUES ('a')");
              if (done) return {};
              seen = done.error().name();
              return done.error();
            }));
  auto report = runner.run(schema.ref, tasks, {}, settings);
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Code::kUpdSuperseded);
  CHECK(seen == "UPD-0028");
  CHECK(schema.value("SELECT COUNT(*) FROM effects") == "0");
}

TEST_CASE("overtaken while its statement ran: nothing is left of it") {
  World world;
  // Somebody else takes the lease between the statement and the proof.
  world.schema.sql("CREATE TRIGGER overtaken AFTER INSERT ON effects FOR EACH ROW UPDATE "
                   "updateTaskLease SET fence = fence + 1, owner = 'two'");
  auto done = world.insert();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kUpdSuperseded);
  CHECK(world.effects() == "0");
}

TEST_CASE("a conflict is repeated and then counts once; one that stays is an error") {
  World world;
  world.conflict(kConflictTries - 1);
  REQUIRE(world.insert());
  CHECK(world.effects() == "1");
  CHECK(world.schema.value("SELECT COUNT(*) FROM tries") == std::to_string(kConflictTries));
  CHECK(world.told.size() == static_cast<std::size_t>(kConflictTries - 1));
  world.schema.sql("TRUNCATE TABLE tries");
  world.schema.sql("DROP TRIGGER conflict");
  world.schema.sql("DROP TABLE tries");
  world.conflict(1000);
  auto done = world.insert();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kDbDeadlock);
  CHECK(world.schema.value("SELECT COUNT(*) FROM tries") == std::to_string(kConflictTries));
  CHECK(world.effects() == "1");
}

TEST_CASE("rows in use are waited for as a table is, then the task stays pending") {
  World world;
  world.schema.sql("INSERT INTO effects VALUES ('held')");
  world.schema.sql("SET SESSION innodb_lock_wait_timeout = 1");
  auto settings = test::liveSettings();
  settings.schema = world.schema.ref.schema;
  auto holder = db::Connection::open(settings);
  REQUIRE(holder);
  REQUIRE((*holder)->begin());
  REQUIRE((*holder)->query("SELECT name FROM effects FOR UPDATE"));
  auto done = changeRows(world.schema.connection(), "UPDATE effects SET name = 'b'", *world.lease,
                         world.settings);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kBusy);
  REQUIRE(world.told.size() == 2);
  CHECK(world.told.back().find("try 2 of 2") != std::string::npos);
  CHECK_FALSE(world.schema.connection().inTransaction());
}
