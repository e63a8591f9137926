#include "copy_store.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "predecessor.h"
#include "update_table.h"

namespace ox::update {
namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kLockWaitTimeout = 1205;
// For what holds the copy: before it is ended, and after.
constexpr int kFirstDropSeconds = 2;
constexpr int kDropSeconds = 10;

constexpr const char* kCreate =
    "CREATE TABLE IF NOT EXISTS updateCopy (db_pool_id INT UNSIGNED NOT NULL, "
    "db_schema VARCHAR(64) NOT NULL, source VARCHAR(128) NOT NULL, owner VARCHAR(255) NOT NULL, "
    "started BIGINT NOT NULL, expires BIGINT NOT NULL, PRIMARY KEY (db_pool_id, db_schema)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

std::string now() { return kNowMillis; }

std::vector<db::Value> keyOf(const services::SchemaRef& copy) {
  return {std::int64_t{copy.writePoolId}, copy.schema};
}

Error lost(const services::SchemaRef& copy) {
  return Error(Code::kUpdSuperseded, "the copy " + copy.schema + " belongs to somebody else now");
}

}  // namespace

CopyStore::CopyStore(services::DatabaseService& database, std::string owner,
                     std::int64_t lifeMillis, Clock& clock)
    : database_(database),
      owner_(std::move(owner)),
      life_(lifeMillis > 0 ? lifeMillis : kCopyLifeMillis),
      clock_(clock) {}

Status CopyStore::announce(const services::SchemaRef& copy, const std::string& source) {
  auto config = database_.configWrite();
  if (!config) return updateSqlError(config.error(), "connecting to configdb");
  if (auto made = (*config)->execute(kCreate); !made)
    return updateSqlError(made.error(), "creating the table of copies");
  auto row = (*config)->execute(
      "INSERT INTO updateCopy (db_pool_id, db_schema, source, owner, started, expires) VALUES "
      "(?, ?, ?, ?, " + now() + ", " + now() + " + ?)",
      {std::int64_t{copy.writePoolId}, copy.schema, source, owner_, life_});
  return row ? Status() : Status(updateSqlError(row.error(), "naming the copy in configdb"));
}

Status CopyStore::refresh(const services::SchemaRef& copy) {
  auto config = database_.configWrite();
  if (!config) return updateSqlError(config.error(), "connecting to configdb");
  auto changed = (*config)->execute(
      "UPDATE updateCopy SET expires = GREATEST(expires + 1, " + now() + " + ?) WHERE db_pool_id = ? "
      "AND db_schema = ? AND owner = ?",
      {life_, std::int64_t{copy.writePoolId}, copy.schema, owner_});
  if (!changed) return updateSqlError(changed.error(), "a sign of life of the copy " + copy.schema);
  return *changed != 0 ? Status() : Status(lost(copy));
}

Result<std::vector<CopyRow>> CopyStore::list() {
  auto config = database_.configWrite();
  if (!config) return updateSqlError(config.error(), "connecting to configdb");
  auto rows = (*config)->query(
      "SELECT db_pool_id, db_schema, source, owner, started, expires >= " + now() +
      " FROM updateCopy ORDER BY started LIMIT " + std::to_string(kMaxCopiesShown));
  std::vector<CopyRow> out;
  if (!rows && (*config)->sqlError() == kNoSuchTable) return out;
  if (!rows) return updateSqlError(rows.error(), "reading the table of copies");
  for (const db::Row& row : *rows)
    out.push_back({{static_cast<std::int32_t>(row.integer(0)), row.text(1)}, row.text(2),
                   row.text(3), row.integer(4), row.boolean(5)});
  return out;
}

Result<bool> CopyStore::take(const CopyRow& row) {
  auto config = database_.configWrite();
  if (!config) return updateSqlError(config.error(), "connecting to configdb");
  auto values = keyOf(row.copy);
  auto changed = (*config)->execute(
      "UPDATE updateCopy SET owner = ?, expires = " + now() + " + ? WHERE db_pool_id = ? AND "
      "db_schema = ? AND owner = ? AND expires < " + now(),
      {owner_, life_, values[0], values[1], row.owner});
  if (!changed) return updateSqlError(changed.error(), "taking the copy of a dead run");
  return *changed != 0;
}

// Ends all connections that have the copy selected: a dead node's statements, frozen transactions.
Status CopyStore::endWork(db::Connection& server, const services::SchemaRef& copy) {
  const std::int64_t began = clock_.steadyMillis();
  for (;;) {
    auto working = server.query(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()",
        {copy.schema});
    if (!working) return updateSqlError(working.error(), "reading the process list");
    if (working->empty()) return {};
    if (clock_.steadyMillis() - began > kCopyEndWaitMillis)
      return Error(Code::kBusy, "connection " + working->front().text(0) +
                                    " still works in the copy " + copy.schema);
    for (const db::Row& row : *working)
      if (Status s = killThread(server, row.integer(0), true); !s) return s;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPredecessorPollMillis));
  }
}

// Connections are ended only when something holds the copy: resting ones of pools may have it
// selected still, and would be lent broken.
Status CopyStore::dropSchema(const services::SchemaRef& copy) {
  if (!copy.schema.starts_with(kCopyPrefix))
    return Error(Code::kInvalid, "schema " + copy.schema + " is no copy");
  auto server = database_.pool(copy.writePoolId);
  if (!server) return updateSqlError(server.error(), "connecting to the server of " + copy.schema);
  for (const int patience : {kFirstDropSeconds, kDropSeconds}) {
    auto set = (*server)->execute("SET SESSION lock_wait_timeout = " + std::to_string(patience));
    if (!set) return updateSqlError(set.error(), "setting lock_wait_timeout");
    auto done = (*server)->execute("DROP DATABASE IF EXISTS `" + copy.schema + "`");
    if (done) return {};
    if ((*server)->sqlError() != kLockWaitTimeout || patience == kDropSeconds)
      return updateSqlError(done.error(), "dropping the copy " + copy.schema);
    if (Status s = endWork(**server, copy); !s) return s;
  }
  return {};
}

Status CopyStore::drop(const services::SchemaRef& copy) {
  // Somebody else may have taken it for dead and be dropping it, or have made room for another.
  if (Status mine = refresh(copy); !mine) return mine;
  if (Status dropped = dropSchema(copy); !dropped) return dropped;
  auto config = database_.configWrite();
  if (!config) return updateSqlError(config.error(), "connecting to configdb");
  auto values = keyOf(copy);
  values.emplace_back(owner_);
  auto gone = (*config)->execute(
      "DELETE FROM updateCopy WHERE db_pool_id = ? AND db_schema = ? AND owner = ?", values);
  return gone ? Status() : Status(updateSqlError(gone.error(), "forgetting the copy"));
}

Result<std::vector<CopyRow>> CopyStore::removeDead() {
  auto all = list();
  if (!all) return all;
  std::vector<CopyRow> out;
  for (const CopyRow& row : *all) {
    if (row.inUse) continue;
    auto taken = take(row);
    if (!taken) return taken.error();
    if (!*taken) continue;  // alive after all, or another node was faster
    if (Status dropped = drop(row.copy); !dropped) {
      log::warn("the copy " + row.copy.schema + " of schema " + row.source + ", left by " +
                row.owner + ", could not be dropped: " + dropped.error().toString());
      continue;
    }
    log::info("The copy " + row.copy.schema + " of schema " + row.source + ", left by " +
              row.owner + ", was dropped");
    out.push_back(row);
  }
  return out;
}

}  // namespace ox::update
