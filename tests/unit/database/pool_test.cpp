// The pool's limits without a server: a factory that fails, so only its bookkeeping is seen.
// What needs real connections is in database_live_test.
#include <doctest/doctest.h>

#include "database/pool.h"
#include "settings.h"

using namespace ox;
using namespace ox::db;

TEST_CASE("a failed connect gives its place back") {
  PoolLimits limits;
  limits.maxActive = 1;
  limits.exhausted = Exhausted::kFail;
  auto pool = Pool::make("p", limits, [] {
    return Result<std::unique_ptr<Connection>>(Error(Code::kDbNoConnection, "no server"));
  });
  for (int i = 0; i < 3; ++i) {
    auto lease = pool->borrow();
    REQUIRE_FALSE(lease);
    CHECK(lease.error().code == Code::kDbNoConnection);
  }
  CHECK(pool->stats().active == 0);
  CHECK(pool->stats().exhausted == 0);
}

TEST_CASE("a closed pool refuses") {
  auto pool = Pool::make("p", PoolLimits{}, ConnectionSettings{});
  pool->close();
  CHECK(pool->borrow().error().code == Code::kShutdown);
}

TEST_CASE("an address where nobody listens is DB-0001") {
  ConnectionSettings settings;
  settings.host = "127.0.0.1";
  settings.port = 1;
  auto connection = Connection::open(settings);
  REQUIRE_FALSE(connection);
  CHECK(connection.error().code == Code::kDbNoConnection);
  CHECK(connection.error().message.find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("a row of db_pool overrides the general limits") {
  PoolLimits general;
  database::PoolRow row;
  row.max = 7;
  row.hardLimitSet = true;
  row.hardLimit = false;
  CHECK(database::poolLimits(general, row).maxActive == 7);
  CHECK(database::poolLimits(general, row).exhausted == Exhausted::kGrow);
  row.hardLimit = true;
  row.max = 0;
  CHECK(database::poolLimits(general, row).maxActive == general.maxActive);
  CHECK(database::poolLimits(general, row).exhausted == Exhausted::kBlock);
}
