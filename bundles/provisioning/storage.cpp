#include "storage.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "journal.h"

namespace ox::provisioning {
namespace {
constexpr std::uint64_t kMaxPauseMillis = 100;  // times the number of the attempt
}  // namespace

Status repeatConflicts(const std::function<Status()>& work) {
  for (int attempt = 1;; ++attempt) {
    const Status done = work();
    if (done || done.error().code != Code::kDbDeadlock || attempt >= kTransactionAttempts)
      return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(
        1 + secureRandom().next() % (kMaxPauseMillis * static_cast<std::uint64_t>(attempt))));
  }
}

Status transact(const std::function<Result<db::Lease>()>& open, const std::string& doing,
                const std::function<Status(db::Connection&)>& work) {
  const Status done = repeatConflicts([&]() -> Status {
    auto lease = open();
    if (!lease) return lease.error();
    auto transaction = db::Transaction::begin(**lease);
    if (!transaction) return transaction.error();
    if (auto worked = work(**lease); !worked) return worked;
    return transaction->commit();
  });
  return done ? done : Status(storageError(done.error(), doing));
}

Result<std::int32_t> takeConfigId(db::Connection& config) {
  std::int32_t taken = 0;
  const Status done = repeatConflicts([&]() -> Status {
    auto transaction = db::Transaction::begin(config);
    if (!transaction) return transaction.error();
    auto id = nextConfigId(config);
    if (!id) return id.error();
    taken = *id;
    return transaction->commit();
  });
  if (!done) return done.error();
  return taken;
}

Result<std::int32_t> nextConfigId(db::Connection& config) {
  auto raised = config.execute("UPDATE configdb_sequence SET id = id + 1");
  if (!raised) return raised.error();
  auto rows = config.query("SELECT id FROM configdb_sequence");
  if (!rows) return rows.error();
  if (rows->empty()) return Error(Code::kAdmStorage, "table configdb_sequence has no row");
  return static_cast<std::int32_t>(rows->front().integer(0));
}

Result<std::int32_t> nextId(db::Connection& schema, const std::string& sequence,
                            std::int32_t contextId) {
  const std::vector<db::Value> cid{std::int64_t{contextId}};
  auto raised = schema.execute("UPDATE " + sequence + " SET id = id + 1 WHERE cid = ?", cid);
  if (!raised) return raised.error();
  auto rows = schema.query("SELECT id FROM " + sequence + " WHERE cid = ?", cid);
  if (!rows) return rows.error();
  if (rows->empty())
    return Error(Code::kAdmStorage,
                 sequence + " has no row for context " + std::to_string(contextId));
  return static_cast<std::int32_t>(rows->front().integer(0));
}

Status ensureCounterTables(db::Connection& config) {
  const std::string tail = ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci";
  const std::string pool = "db_pool_id INT UNSIGNED NOT NULL, ";
  const std::string schema = pool + "schemaname VARCHAR(32) NOT NULL, ";
  const std::string count = "count INT UNSIGNED NOT NULL, ";
  // One look first: on Galera every statement of this kind stops the cluster for a moment.
  auto there = config.query(
      "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME "
      "IN ('contexts_per_dbpool', 'dbpool_lock', 'contexts_per_dbschema', 'dbschema_lock', "
      "'contexts_per_filestore', 'provisioning_journal')");
  if (!there) return there.error();
  const std::vector<std::string> bodies = {
       "contexts_per_dbpool (" + pool + count + "PRIMARY KEY (db_pool_id)",
        "dbpool_lock (" + pool + "PRIMARY KEY (db_pool_id)",
        "contexts_per_dbschema (" + schema + count +
            "creating_date BIGINT NOT NULL, PRIMARY KEY (db_pool_id, schemaname)",
        "dbschema_lock (" + schema + "PRIMARY KEY (db_pool_id, schemaname)",
        "contexts_per_filestore (filestore_id INT UNSIGNED NOT NULL, " + count +
            "PRIMARY KEY (filestore_id)",
        std::string(kJournalTable)};
  if (there->front().integer(0) != static_cast<std::int64_t>(bodies.size()))
    for (const std::string& body : bodies)
      if (auto made = config.execute("CREATE TABLE IF NOT EXISTS " + body + tail); !made)
        return made.error();
  // What was there before the counters: count it once.
  for (const char* fill :
       {"INSERT IGNORE INTO contexts_per_dbpool SELECT c.write_db_pool_id, "
        "(SELECT COUNT(*) FROM context_server2db_pool s WHERE "
        "s.write_db_pool_id = c.write_db_pool_id) FROM db_cluster c",
        "INSERT IGNORE INTO dbpool_lock SELECT write_db_pool_id FROM db_cluster",
        "INSERT IGNORE INTO contexts_per_dbschema SELECT write_db_pool_id, db_schema, COUNT(*), 0 "
        "FROM context_server2db_pool GROUP BY write_db_pool_id, db_schema",
        "INSERT IGNORE INTO dbschema_lock SELECT db_pool_id, schemaname "
        "FROM contexts_per_dbschema",
        "INSERT IGNORE INTO contexts_per_filestore SELECT f.id, "
        "(SELECT COUNT(*) FROM context c WHERE c.filestore_id = f.id) FROM filestore f"})
    if (auto filled = config.execute(fill); !filled) return filled.error();
  return {};
}

Error storageError(const Error& error, const std::string& doing) {
  if (error.name().starts_with("ADM-")) return error;
  if (error.code == Code::kDbDeadlock)
    return Error(Code::kDbDeadlock, doing + ": " + error.message);
  return Error(Code::kAdmStorage, doing + ": " + error.message);
}

std::string likePattern(const std::string& pattern) {
  if (pattern.empty()) return "%";
  std::string out;
  for (const char c : pattern) {
    if (c == '*') out += '%';
    else if (c == '?') out += '_';
    else if (c == '%' || c == '_' || c == '\\') (out += '\\') += c;
    else out += c;
  }
  return out;
}

std::string checkText(const std::string& what, const std::string& value, std::size_t maxBytes) {
  if (value.empty()) return what + " is empty";
  if (value.size() > maxBytes)
    return what + " is longer than " + std::to_string(maxBytes) + " bytes";
  for (const char c : value)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      return what + " contains a control character";
  return {};
}

std::string randomUuid() {
  std::string bytes;
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t word = secureRandom().next();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

std::int64_t nowMillis() { return systemClock().wallMillis(); }

}  // namespace ox::provisioning
