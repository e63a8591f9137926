// A real MariaDB for the live tests: the port comes from OX_TEST_DB_PORT, the account is ox/ox.
// TestSchema makes a schema of its own and drops it; LiveDatabase is the service that runners use.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/random.h"
#include "database/pool.h"
#include "database/schema_state.h"
#include "runner.h"
#include "services/database.h"
#include "test_database.h"

namespace ox::test {

inline db::ConnectionSettings liveSettings() {
  const char* port = std::getenv("OX_TEST_DB_PORT");
  REQUIRE_MESSAGE(port != nullptr,
                  "OX_TEST_DB_PORT is not set: run tests/integration/update_test.py");
  db::ConnectionSettings out;
  out.host = "127.0.0.1";
  out.port = static_cast<std::uint16_t>(std::atoi(port));
  out.user = "ox";
  out.password = "ox";
  return out;
}

class LiveDatabase final : public TestDatabase {
 public:
  LiveDatabase() : TestDatabase(liveSettings()) {}
};

class TestSchema {
 public:
  TestSchema() : ref{4, "upd_" + secureHex(6)} {
    auto opened = db::Connection::open(liveSettings());
    REQUIRE_MESSAGE(opened.ok(), (opened ? "" : opened.error().message));
    connection_ = std::move(*opened);
    sql("CREATE DATABASE " + ref.schema + " CHARACTER SET utf8 COLLATE utf8_unicode_ci");
    REQUIRE(connection_->selectSchema(ref.schema));
  }
  ~TestSchema() { static_cast<void>(connection_->execute("DROP DATABASE " + ref.schema)); }
  std::uint64_t sql(const std::string& text) {
    auto done = connection_->execute(text);
    REQUIRE_MESSAGE(done.ok(), (done ? "" : text + ": " + done.error().message));
    return *done;
  }
  // First cell of the first row, "NULL" or "none".
  std::string value(const std::string& query) {
    auto rows = connection_->query(query);
    REQUIRE_MESSAGE(rows.ok(), (rows ? "" : query + ": " + rows.error().message));
    if (rows->empty()) return "none";
    return rows->front().isNull(0) ? "NULL" : rows->front().text(0);
  }
  std::string successful(const std::string& task) {
    return value("SELECT successful FROM updateTask WHERE taskName = '" + task + "'");
  }
  bool lockRows() { return value("SELECT COUNT(*) FROM updateTask WHERE taskName IN ('LOCKED', "
                                 "'BACKGROUND')") != "0"; }
  // As if the last sign of life were that long ago.
  void age(std::int64_t millis) {
    const std::string by = std::to_string(millis);
    sql("UPDATE updateTask SET lastModified = lastModified - " + by +
        " WHERE taskName IN ('LOCKED', 'BACKGROUND')");
    sql("UPDATE updateTaskLease SET beat = beat - " + by +
        ", expires = IF(expires > 0, expires - " + by + ", 0)");
  }
  // A lock row as a Java node leaves it.
  void foreignLock(const std::string& name, std::int64_t ageMillis) {
    REQUIRE(update::ensureTables(*connection_));
    sql("INSERT INTO updateTask (cid, taskName, successful, lastModified, uuid) VALUES (0, '" +
        name + "', 1, " + update::kNowMillis + " - " + std::to_string(ageMillis) +
        ", UNHEX('00112233445566778899aabbccddeeff'))");
  }
  db::Connection& connection() { return *connection_; }
  const services::SchemaRef ref;

 private:
  std::unique_ptr<db::Connection> connection_;
};

// Keeps what was published.
class TestEvents final : public services::CacheEvents {
 public:
  void publish(const services::CacheEvent& event) override {
    std::lock_guard lock(mutex_);
    events.push_back(event);
  }
  std::unique_ptr<services::Subscription> subscribe(const std::string&,
                                                    services::CacheListener) override {
    return nullptr;
  }
  std::vector<services::CacheEvent> events;

 private:
  std::mutex mutex_;
};

inline update::RunnerSettings runnerSettings(const std::string& node = "test") {
  update::RunnerSettings out;
  out.node = node;
  return out;
}

}  // namespace ox::test
