// src/database against a real server; run by tests/integration/database_test.py, which passes the
// port of a private server in OX_TEST_DB_PORT (account ox, password ox). Without it nothing runs.
#include <doctest/doctest.h>

#include <cstdlib>
#include <thread>

#include "database/pool.h"
#include "database/schema_state.h"

using namespace ox;
using namespace ox::db;

namespace {

class FakeClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override { return millis * 1'000'000; }
  std::int64_t wallMillis() const override { return millis; }
  std::int64_t millis = 1000;
};

bool live() { return std::getenv("OX_TEST_DB_PORT") != nullptr; }

ConnectionSettings settings() {
  ConnectionSettings s;
  s.host = "localhost";  // must mean TCP
  s.port = static_cast<std::uint16_t>(std::atoi(std::getenv("OX_TEST_DB_PORT")));
  s.user = "ox";
  s.password = "ox";
  return s;
}

std::unique_ptr<Connection> open(const char* schema = nullptr) {
  auto connection = Connection::open(settings());
  REQUIRE(connection);
  if (schema) {
    REQUIRE((*connection)->execute(std::string("CREATE DATABASE IF NOT EXISTS `") + schema + "`"));
    REQUIRE((*connection)->selectSchema(schema));
  }
  return std::move(*connection);
}

}  // namespace

TEST_CASE("values go to the server and come back unchanged" * doctest::skip(!live())) {
  auto c = open("live_values");
  REQUIRE(c->execute("CREATE OR REPLACE TABLE t (i BIGINT, d DOUBLE, s TEXT CHARSET utf8mb4, "
                     "b BINARY(4))"));
  const std::string text = "o'clock \\ \"?\" \xf0\x9f\x98\x80";
  const std::string bytes("\xff\x00'\\", 4);
  REQUIRE(c->execute("INSERT INTO t VALUES (?, ?, ?, ?), (?, ?, ?, ?)",
                     {std::int64_t{-5}, 0.25, text, bytes, std::monostate(), std::monostate(),
                      std::monostate(), std::monostate()}));
  auto rows = c->query("SELECT i, d, s, b FROM t ORDER BY i DESC");
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK(rows->at(0).integer(0) == -5);
  CHECK(rows->at(0).text(1) == "0.25");
  CHECK(rows->at(0).text(2) == text);
  CHECK(rows->at(0).text(3) == bytes);
  CHECK(rows->at(1).isNull(3));
  CHECK(c->query("SELECT 1 FROM t WHERE b = ?", {bytes})->size() == 1);
}

TEST_CASE("matched but unchanged rows count" * doctest::skip(!live())) {
  auto c = open("live_found");
  REQUIRE(c->execute("CREATE OR REPLACE TABLE t (i INT PRIMARY KEY, v INT)"));
  REQUIRE(c->execute("INSERT INTO t VALUES (1, 1)"));
  CHECK(*c->execute("UPDATE t SET v = 1 WHERE i = 1") == 1);
  CHECK(*c->execute("UPDATE t SET v = 1 WHERE i = 2") == 0);
}

TEST_CASE("errors carry code and server number" * doctest::skip(!live())) {
  auto c = open("live_errors");
  REQUIRE(c->execute("CREATE OR REPLACE TABLE t (i INT PRIMARY KEY, s VARCHAR(3))"));
  REQUIRE(c->execute("INSERT INTO t VALUES (1, 'a')"));
  CHECK(c->execute("INSERT INTO t VALUES (1, 'b')").error().code == Code::kDbDuplicate);
  CHECK(c->sqlError() == 1062);
  CHECK(c->execute("INSERT INTO t VALUES (2, 'abcd')").error().code == Code::kDbSql);  // strict
  CHECK(c->query("SELECT nothing").error().code == Code::kDbSql);
  CHECK_FALSE(c->broken());
  CHECK_FALSE(c->selectSchema("a`; DROP DATABASE x"));
  auto wrong = settings();
  wrong.password = "no";
  auto refused = Connection::open(wrong);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kDbNoConnection);
  CHECK(refused.error().message.find("(1045)") != std::string::npos);
}

TEST_CASE("TLS that was demanded is never clear text" * doctest::skip(!live())) {
  auto s = settings();
  s.useTls = true;
  s.tlsVerify = false;
  auto c = Connection::open(s);  // the private server has no TLS
  REQUIRE_FALSE(c);
  CHECK(c.error().code == Code::kDbNoConnection);
}

TEST_CASE("TLS that was demanded is on: there is a cipher, and the certificate is checked" *
          doctest::skip(std::getenv("OX_TEST_DB_TLS_PORT") == nullptr)) {
  auto s = settings();
  s.port = static_cast<std::uint16_t>(std::atoi(std::getenv("OX_TEST_DB_TLS_PORT")));
  const std::string authority = std::getenv("OX_TEST_DB_TLS_CA");
  const auto with = [&](std::initializer_list<std::pair<const char*, std::string>> parameters) {
    auto changed = s;
    for (const auto& [name, value] : parameters)
      REQUIRE(applyDriverParameter(changed, name, value));
    return Connection::open(changed);
  };
  auto clear = with({});
  REQUIRE(clear);
  CHECK((*clear)->tlsCipher().empty());
  auto trusting = with({{"sslMode", "REQUIRED"}});
  REQUIRE(trusting);
  CHECK((*trusting)->tlsCipher().size() > 5);
  auto checked = with({{"useSSL", "true"}, {"serverSslCert", "file:" + authority}});
  REQUIRE(checked);
  auto cipher = (*checked)->query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  REQUIRE(cipher);
  CHECK(cipher->front().text(1) == (*checked)->tlsCipher());
  auto version = with({{"useSSL", "true"}, {"serverSslCert", authority},
                       {"enabledTLSProtocols", "TLSv1.2"}});
  REQUIRE(version);
  CHECK((*version)->query("SHOW SESSION STATUS LIKE 'Ssl_version'")->front().text(1) == "TLSv1.2");
  CHECK_FALSE(with({{"useSSL", "true"}}));  // the authority is unknown to this machine
  s.host = "127.0.0.1";                     // another name than the certificate's
  CHECK_FALSE(with({{"useSSL", "true"}, {"serverSslCert", authority}}));
}

TEST_CASE("a session is in UTC, utf8mb4, strict, and with what was asked for" *
          doctest::skip(!live())) {
  const char* show = "SELECT @@time_zone, @@character_set_client, @@character_set_connection, "
                     "@@character_set_results, @@collation_connection, @@sql_mode, "
                     "@@max_statement_time, @@wait_timeout";
  auto plain = open()->query(show);
  REQUIRE(plain);
  CHECK(plain->front().text(0) == "+00:00");
  for (const std::size_t i : {1, 2, 3}) CHECK(plain->front().text(i) == "utf8mb4");
  CHECK(plain->front().text(5).find("STRICT_TRANS_TABLES") != std::string::npos);
  CHECK(plain->front().text(6) == "15.000000");  // as long as the client waits
  auto s = settings();
  REQUIRE(applyDriverParameter(s, "serverTimezone", "+02:00"));
  REQUIRE(applyDriverParameter(s, "connectionCollation", "utf8mb4_unicode_ci"));
  REQUIRE(applyDriverParameter(s, "sessionVariables", "wait_timeout=77,max_statement_time=3"));
  auto other = Connection::open(s);
  REQUIRE(other);
  auto rows = (*other)->query(show);
  REQUIRE(rows);
  CHECK(rows->front().text(0) == "+02:00");
  CHECK(rows->front().text(4) == "utf8mb4_unicode_ci");
  CHECK(rows->front().text(6) == "3.000000");
  CHECK(rows->front().text(7) == "77");
  s.sessionVariables = {{"no_such_variable", "1"}};
  auto refused = Connection::open(s);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("no_such_variable") != std::string::npos);
}

TEST_CASE("the server ends a statement that takes too long, the connection goes on" *
          doctest::skip(!live())) {
  auto s = settings();
  s.statementTimeoutMillis = 50;
  auto c = Connection::open(s);
  REQUIRE(c);
  auto slow = (*c)->query("SELECT SLEEP(600)");
  REQUIRE_FALSE(slow);
  CHECK(slow.error().code == Code::kDbSql);
  CHECK((*c)->sqlError() == 1969);
  CHECK_FALSE((*c)->broken());
  CHECK((*c)->query("SELECT 1"));
  s.statementTimeoutMillis = 0;
  CHECK((*Connection::open(s))->query("SELECT @@max_statement_time")->front().text(0) ==
        "0.000000");
}

TEST_CASE("a transaction rolls back unless committed" * doctest::skip(!live())) {
  auto c = open("live_tx");
  REQUIRE(c->execute("CREATE OR REPLACE TABLE t (i INT)"));
  {
    auto t = Transaction::begin(*c);
    REQUIRE(t);
    REQUIRE(c->execute("INSERT INTO t VALUES (1)"));
    CHECK(c->inTransaction());
  }
  CHECK(c->query("SELECT * FROM t")->empty());
  auto t = Transaction::begin(*c);
  REQUIRE(c->execute("INSERT INTO t VALUES (1)"));
  REQUIRE(t->commit());
  CHECK(c->query("SELECT * FROM t")->size() == 1);
}

TEST_CASE("a killed connection is broken and its pool heals" * doctest::skip(!live())) {
  auto killer = open();
  auto pool = Pool::make("p", PoolLimits{}, settings());
  {
    auto lease = pool->borrow();
    REQUIRE(lease);
    REQUIRE(killer->execute("KILL " + std::to_string((*lease)->connectionId())));
    auto failed = (*lease)->query("SELECT 1");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == Code::kDbNoConnection);
    CHECK((*lease)->broken());
  }
  CHECK(pool->stats().brokenReturned == 1);
  CHECK(pool->stats().idle == 0);
  auto again = pool->borrow();
  REQUIRE(again);
  CHECK((*again)->query("SELECT 1"));
}

TEST_CASE("exhausted: fail, block until one comes back, grow" * doctest::skip(!live())) {
  PoolLimits limits;
  limits.maxActive = 1;
  limits.exhausted = Exhausted::kFail;
  auto failing = Pool::make("f", limits, settings());
  auto held = failing->borrow();
  REQUIRE(held);
  CHECK(failing->borrow().error().code == Code::kDbPoolExhausted);

  limits.exhausted = Exhausted::kBlock;
  limits.maxWaitMillis = 50;
  auto blocking = Pool::make("b", limits, settings());
  std::optional<Lease> first;
  {
    auto lease = blocking->borrow();
    REQUIRE(lease);
    first.emplace(std::move(*lease));
  }
  CHECK(blocking->borrow().error().code == Code::kDbPoolExhausted);
  limits.maxWaitMillis = 20000;
  auto patient = Pool::make("q", limits, settings());
  auto lent = patient->borrow();
  REQUIRE(lent);
  std::optional<Lease> mine(std::move(*lent));
  bool got = false;
  std::thread waiter([&] { got = patient->borrow().ok(); });
  while (patient->stats().waited == 0) std::this_thread::yield();
  mine.reset();
  waiter.join();
  CHECK(got);
  CHECK(patient->stats().opened == 1);

  limits.exhausted = Exhausted::kGrow;
  auto growing = Pool::make("g", limits, settings());
  auto one = growing->borrow();
  auto two = growing->borrow();
  CHECK(one.ok());
  CHECK(two.ok());
}

TEST_CASE("resting connections end by idle time, life time and maxIdle" * doctest::skip(!live())) {
  FakeClock clock;
  PoolLimits limits;
  limits.maxIdleMillis = 1000;
  limits.maxLifeMillis = 5000;
  limits.maxIdle = 1;
  auto pool = Pool::make("p", limits, settings(), clock);
  {
    auto one = pool->borrow();
    auto two = pool->borrow();
  }
  CHECK(pool->stats().idle == 1);
  clock.millis += 1001;
  pool->clean();
  CHECK(pool->stats().idle == 0);
  {
    auto one = pool->borrow();
    clock.millis += 5001;
  }
  CHECK(pool->stats().idle == 0);
}

TEST_CASE("a transaction left open is rolled back at return" * doctest::skip(!live())) {
  auto c = open("live_left");
  REQUIRE(c->execute("CREATE OR REPLACE TABLE t (i INT)"));
  PoolLimits limits;
  for (const bool told : {true, false}) {
    limits.testOnDeactivate = told;
    auto pool = Pool::make("p", limits, settings());
    {
      auto lease = pool->borrow("live_left");
      REQUIRE(lease);
      REQUIRE((*lease)->begin());
      REQUIRE((*lease)->execute("INSERT INTO t VALUES (1)"));
    }
    auto lease = pool->borrow("live_left");
    REQUIRE(lease);
    CHECK((*lease)->query("SELECT * FROM t")->empty());
    CHECK_FALSE((*lease)->inTransaction());
  }
}

TEST_CASE("testOnActivate asks before each loan, testOnIdle lets the cleaner ask" *
          doctest::skip(!live())) {
  auto killer = open();
  const auto works = [&](bool activate) {
    PoolLimits limits;
    limits.testOnActivate = activate;
    auto pool = Pool::make("p", limits, settings());
    {
      auto lease = pool->borrow();
      REQUIRE(lease);
      REQUIRE(killer->execute("KILL " + std::to_string((*lease)->connectionId())));
    }
    auto lease = pool->borrow();  // rested less than kPingAfterMillis
    REQUIRE(lease);
    return (*lease)->query("SELECT 1").ok();
  };
  CHECK(works(true));
  CHECK_FALSE(works(false));
  for (const bool idle : {true, false}) {
    PoolLimits limits;
    limits.testOnIdle = idle;
    auto pool = Pool::make("p", limits, settings());
    {
      auto lease = pool->borrow();
      REQUIRE(lease);
      REQUIRE(killer->execute("KILL " + std::to_string((*lease)->connectionId())));
    }
    pool->clean();
    CHECK(pool->stats().idle == (idle ? 0 : 1));
  }
}

TEST_CASE("the state of a schema: tasks and lock rows by the database's clock" *
          doctest::skip(!live())) {
  auto c = open("live_state");
  REQUIRE(c->execute("DROP TABLE IF EXISTS updateTask"));
  auto missing = readSchemaState(*c, {});
  REQUIRE(missing);
  CHECK_FALSE(missing->tableExists);
  REQUIRE(ensureUpdateTaskTable(*c));
  REQUIRE(ensureUpdateTaskTable(*c));
  REQUIRE(c->execute("INSERT INTO updateTask VALUES (0, 'a.Task', 1, 5, ?)",
                     {std::string(16, 'x')}));
  REQUIRE(c->execute(std::string("INSERT INTO updateTask VALUES (0, 'LOCKED', 1, ") +
                         kDatabaseMillis + ", ?)", {uuidBytes(kLockedUuidHex)}));
  auto state = readSchemaState(*c, {});
  REQUIRE(state);
  CHECK(state->blocking.fresh);
  CHECK_FALSE(state->background.present);
  REQUIRE(state->executed.size() == 1);
  CHECK(state->executed.at("a.Task").successful);
  REQUIRE(c->execute("UPDATE updateTask SET lastModified = lastModified - 60001 "
                     "WHERE taskName = 'LOCKED'"));
  state = readLockState(*c, {});
  REQUIRE(state);
  CHECK(state->blocking.present);
  CHECK_FALSE(state->blocking.fresh);
  CHECK(readLockState(*c, {0, 0})->blocking.fresh);  // 0 = never stale
}
