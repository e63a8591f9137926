// The lease on a real server: exclusion, staleness, taking over, fencing, giving back.
#include <atomic>
#include <thread>

#include "live_support.h"
#include "schema_lease.h"

using namespace ox;
using namespace ox::update;
using test::TestSchema;

namespace {
const Concurrency kBl = Concurrency::kBlocking;
const Concurrency kBg = Concurrency::kBackground;

std::unique_ptr<db::Connection> another(const TestSchema& schema) {
  auto settings = test::liveSettings();
  settings.schema = schema.ref.schema;
  auto opened = db::Connection::open(settings);
  REQUIRE(opened);
  return std::move(*opened);
}
LeaseSettings as(const std::string& owner, std::int64_t idle = 60000) { return {idle, owner}; }

Code codeOf(const Status& status) { return status ? Code::kInternal : status.error().code; }
Code codeOf(const Result<std::unique_ptr<SchemaLease>>& taken) {
  return taken ? Code::kInternal : taken.error().code;
}
struct Made : TestSchema {
  Made() { REQUIRE(ensureTables(connection())); }
};
}  // namespace

TEST_CASE("take writes both rows with the shared constant, release removes them") {
  Made schema;
  auto lease = SchemaLease::take(schema.connection(), kBl, as("one"));
  REQUIRE(lease);
  CHECK((*lease)->fence() == 1);
  CHECK(schema.value("SELECT LOWER(HEX(uuid)) FROM updateTask WHERE taskName = 'LOCKED'") ==
        db::kLockedUuidHex);
  CHECK(schema.value("SELECT owner FROM updateTaskLease WHERE kind = 'LOCKED'") == "one");
  auto state = db::readLockState(schema.connection(), {});
  REQUIRE(state);
  CHECK(state->blocking.fresh);
  CHECK((*lease)->release(schema.connection()));
  CHECK_FALSE(schema.lockRows());
  CHECK(schema.value("SELECT owner FROM updateTaskLease") == "");
  auto next = SchemaLease::take(schema.connection(), kBl, as("two"));
  REQUIRE(next);
  CHECK((*next)->fence() == 2);
}

TEST_CASE("a held lease is UPD-0003 for others; the two kinds do not meet") {
  Made schema;
  auto lease = SchemaLease::take(schema.connection(), kBl, as("one"));
  REQUIRE(lease);
  CHECK(codeOf(SchemaLease::take(*another(schema), kBl, as("two"))) == Code::kUpdLocked);
  CHECK(SchemaLease::take(*another(schema), kBg, as("two")).ok());
  CHECK((*lease)->refresh(schema.connection()));
}

TEST_CASE("of many who take at once exactly one gets it") {
  Made schema;
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> got{0}, refused{0}, other{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, i] {
        auto settings = test::liveSettings();
        settings.schema = schema.ref.schema;
        auto connection = db::Connection::open(settings);
        if (!connection) { ++other; return; }
        auto lease = SchemaLease::take(**connection, kBl, as("n" + std::to_string(i)));
        if (lease) ++got;
        else if (lease.error().code == Code::kUpdLocked) ++refused;
        else ++other;
      });
    for (auto& thread : threads) thread.join();
    CHECK(got == 1);
    CHECK(refused == 5);
    CHECK(other == 0);
    schema.age(100000);  // the next round takes the stale rows over, again only one
  }
}

TEST_CASE("a fresh foreign LOCKED row is respected, whatever its uuid") {
  TestSchema schema;
  schema.foreignLock("LOCKED", 1000);
  auto taken = SchemaLease::take(schema.connection(), kBl, as("one"));
  CHECK(codeOf(taken) == Code::kUpdLocked);
  CHECK(schema.value("SELECT COUNT(*) FROM updateTaskLease WHERE owner <> ''") == "0");
}

TEST_CASE("a stale foreign LOCKED row is taken over and keeps its uuid until it is removed") {
  TestSchema schema;
  schema.foreignLock("LOCKED", 61000);
  auto taken = SchemaLease::take(schema.connection(), kBl, as("one"));
  REQUIRE(taken);
  CHECK(schema.value("SELECT HEX(uuid) FROM updateTask WHERE taskName = 'LOCKED'") ==
        "00112233445566778899AABBCCDDEEFF");
  CHECK((*taken)->refresh(schema.connection()));
  CHECK((*taken)->release(schema.connection()));
  CHECK_FALSE(schema.lockRows());
}

TEST_CASE("a killed runner is taken over after the idle time and not before") {
  Made schema;
  auto dead = SchemaLease::take(schema.connection(), kBl, as("dead"));
  REQUIRE(dead);
  schema.age(50000);
  CHECK(codeOf(SchemaLease::take(*another(schema), kBl, as("two"))) == Code::kUpdLocked);
  schema.age(20000);
  auto second = SchemaLease::take(*another(schema), kBl, as("two"));
  REQUIRE(second);
  CHECK((*second)->fence() == 2);

  // The dead one wakes up: it notices, and changes nothing.
  CHECK(codeOf((*dead)->refresh(schema.connection())) == Code::kUpdSuperseded);
  CHECK((*dead)->lost());
  CHECK(codeOf((*dead)->release(schema.connection())) == Code::kUpdSuperseded);
  CHECK(schema.lockRows());
  CHECK((*second)->refresh(schema.connection()));
  CHECK((*second)->release(schema.connection()));
}

TEST_CASE("idle 0 never goes stale, but an operator can unblock it by removing the row") {
  Made schema;
  auto dead = SchemaLease::take(schema.connection(), kBg, as("dead", 0));
  REQUIRE(dead);
  schema.age(10'000'000);
  CHECK(codeOf(SchemaLease::take(*another(schema), kBg, as("two", 0))) == Code::kUpdLocked);
  schema.sql("DELETE FROM updateTask WHERE taskName = 'BACKGROUND'");
  auto second = SchemaLease::take(*another(schema), kBg, as("two", 0));
  REQUIRE(second);
  CHECK(codeOf((*dead)->refresh(schema.connection())) == Code::kUpdSuperseded);
}

TEST_CASE("a Java node that takes our row over is noticed by its changed time") {
  Made schema;
  auto lease = SchemaLease::take(schema.connection(), kBl, as("one"));
  REQUIRE(lease);
  schema.sql("UPDATE updateTask SET lastModified = lastModified + 5 WHERE taskName = 'LOCKED'");
  CHECK(codeOf((*lease)->refresh(schema.connection())) == Code::kUpdSuperseded);
  CHECK(codeOf((*lease)->release(schema.connection())) == Code::kUpdUnlockFailed);
  CHECK(schema.lockRows());  // theirs stays
  CHECK(schema.value("SELECT owner FROM updateTaskLease") == "");  // ours is given back
}

TEST_CASE("the guard holds the lease for a transaction and fails once superseded") {
  Made schema;
  auto lease = SchemaLease::take(schema.connection(), kBl, as("one"));
  REQUIRE(lease);
  {
    auto transaction = db::Transaction::begin(schema.connection());
    REQUIRE(transaction);
    CHECK((*lease)->guard(schema.connection()));
  }
  schema.sql("UPDATE updateTaskLease SET fence = fence + 1, owner = 'other'");
  CHECK(codeOf((*lease)->guard(schema.connection())) == Code::kUpdSuperseded);
}

TEST_CASE("abandon removes only what its owner wrote") {
  Made schema;
  auto lease = SchemaLease::take(schema.connection(), kBl, as("one"));
  REQUIRE(lease);
  CHECK(SchemaLease::abandon(schema.connection(), kBl, "two"));
  CHECK(schema.lockRows());
  CHECK(SchemaLease::abandon(schema.connection(), kBl, "one"));
  CHECK_FALSE(schema.lockRows());
}
