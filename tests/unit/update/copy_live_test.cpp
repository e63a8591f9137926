// Copies of rehearsals, named in a configdb: those of dead runs go, those in use stay. Places for
// updates that begin by themselves.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "copy_store.h"
#include "live_support.h"
#include "update_slots.h"

using namespace ox;
using namespace ox::update;
using test::TestSchema;

namespace {

// The test's own schema is configdb.
class WithConfig final : public test::TestDatabase {
 public:
  explicit WithConfig(std::string config)
      : TestDatabase(test::liveSettings()), config_(std::move(config)),
        pool_(db::Pool::make("config", {}, test::liveSettings())) {}
  Result<db::Lease> configWrite() override { return pool_->borrow(config_); }

 private:
  const std::string config_;
  std::shared_ptr<db::Pool> pool_;
};

struct World {
  TestSchema config;
  WithConfig database{config.ref.schema};
  const services::SchemaRef copy{4, kCopyPrefix + secureHex(8)};
  void make() { config.sql("CREATE DATABASE " + copy.schema); }
  bool exists() { return config.value("SHOW DATABASES LIKE '" + copy.schema + "'") != "none"; }
  ~World() { config.sql("DROP DATABASE IF EXISTS " + copy.schema); }
};

}  // namespace

TEST_CASE("a copy in use stays, one whose owner is silent is dropped by the next") {
  World w;
  CopyStore owner(w.database, "owner", 600'000), other(w.database, "other", 600'000);
  CHECK(other.list()->empty());  // before there is a table
  REQUIRE(owner.announce(w.copy, "ox_5"));
  w.make();
  CHECK(other.removeDead()->empty());
  REQUIRE(w.exists());
  REQUIRE(other.list()->size() == 1);
  CHECK(other.list()->front().inUse);
  CHECK(other.list()->front().source == "ox_5");
  w.config.sql("UPDATE updateCopy SET expires = expires - 700000");
  CHECK_FALSE(other.list()->front().inUse);
  auto removed = other.removeDead();
  REQUIRE_MESSAGE(removed.ok(), (removed ? "" : removed.error().message));
  REQUIRE(removed->size() == 1);
  CHECK(removed->front().owner == "owner");
  CHECK_FALSE(w.exists());
  CHECK(other.list()->empty());
  // The former owner notices, and drops nothing that is not its own.
  auto late = owner.refresh(w.copy);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::kUpdSuperseded);
  CHECK_FALSE(owner.drop(w.copy));
}

TEST_CASE("a sign of life keeps a copy, a clean end forgets it") {
  World w;
  CopyStore owner(w.database, "owner", 600'000), other(w.database, "other", 600'000);
  REQUIRE(owner.announce(w.copy, "ox_5"));
  w.make();
  w.config.sql("UPDATE updateCopy SET expires = 1");
  REQUIRE(owner.refresh(w.copy));
  CHECK(other.removeDead()->empty());
  REQUIRE(owner.drop(w.copy));
  CHECK_FALSE(w.exists());
  CHECK(owner.list()->empty());
}

TEST_CASE("what a dead node still runs in its copy is ended, and the copy goes") {
  World w;
  CopyStore owner(w.database, "owner", 600'000), other(w.database, "other", 600'000);
  REQUIRE(owner.announce(w.copy, "ox_5"));
  w.make();
  w.config.sql("CREATE TABLE " + w.copy.schema + ".t (a INT)");
  w.config.sql("INSERT INTO " + w.copy.schema + ".t VALUES (1)");
  auto left = db::Connection::open(test::liveSettings());
  REQUIRE(left);
  REQUIRE((*left)->selectSchema(w.copy.schema));
  bool open = false;
  SUBCASE("a statement") {}
  SUBCASE("an open transaction") { open = true; }
  std::jthread statement;
  if (open) {
    REQUIRE((*left)->begin());
    REQUIRE((*left)->query("SELECT * FROM t").ok());
  } else {
    statement = std::jthread([&left] {
      static_cast<void>((*left)->query("SELECT SLEEP(600) FROM t"));
    });
    for (int i = 0; i < 20000; ++i) {
      if (w.config.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '" +
                         w.copy.schema + "' AND COMMAND <> 'Sleep'") == "1")
        break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  w.config.sql("UPDATE updateCopy SET expires = 1");
  CHECK(other.removeDead()->size() == 1);
  CHECK_FALSE(w.exists());
}

TEST_CASE("a row that names no copy drops nothing") {
  World w;
  CopyStore store(w.database, "one", 600'000);
  TestSchema precious;
  REQUIRE(store.announce({4, precious.ref.schema}, "x"));
  w.config.sql("UPDATE updateCopy SET expires = 1");
  CHECK(store.removeDead()->empty());
  CHECK(w.config.value("SHOW DATABASES LIKE '" + precious.ref.schema + "'") != "none");
}

TEST_CASE("places on a database host are shared by all, and come back with their holder's end") {
  test::LiveDatabase database;
  auto first = takeUpdateSlot(database, 4, 2);
  auto second = takeUpdateSlot(database, 4, 2);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first);
  CHECK_FALSE(takeUpdateSlot(database, 4, 2));
  auto third = takeUpdateSlot(database, 4, 3);
  CHECK(third);
  TestSchema admin;
  // As if the node had died: the server ends its connection.
  const std::string id = admin.value("SELECT IS_USED_LOCK('" + std::string(kSlotPrefix) + "1')");
  admin.sql("KILL " + id);
  std::optional<std::shared_ptr<void>> again;
  for (int i = 0; i < 20000 && !again; ++i) {
    again = takeUpdateSlot(database, 4, 2);
    if (!again) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(again);
}
