// What administrators ask of the service beside runs: plans, name spaces, unblocking, job schemas.
#include <fnmatch.h>

#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "config/keys_update.h"
#include "exclusions.h"
#include "service.h"

namespace ox::update {
namespace {

bool matches(const std::vector<std::string>& patterns, const std::string& schema) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), schema.c_str(), 0) == 0;
  });
}

// Deletes the LOCKED row. A lease beside it expires at once but keeps the name of its connection, so
// that the next runner ends what may still run there.
Result<bool> unblockOne(db::Connection& connection, std::int64_t olderThanMillis) {
  auto exists = tableExists(connection, "updateTask");
  if (!exists) return exists.error();
  if (!*exists) return false;
  auto removed = connection.execute(
      std::string("DELETE FROM updateTask WHERE cid = 0 AND taskName = ? AND lastModified < ") +
          kNowMillis + " - ?",
      {db::kLockedName, olderThanMillis});
  if (!removed) return updateSqlError(removed.error(), "removing the LOCKED row");
  if (*removed == 0) return false;
  auto leases = tableExists(connection, "updateTaskLease");
  if (!leases) return leases.error();
  if (!*leases) return true;
  auto expired = connection.execute(
      "UPDATE updateTaskLease SET owner = 'unblocked by an administrator', expires = 1 WHERE kind = "
      "? AND owner <> ''",
      {db::kLockedName});
  if (!expired) return updateSqlError(expired.error(), "ending the lease");
  return true;
}

}  // namespace

Result<std::vector<PlannedTask>> UpdateServiceImpl::plan(const services::SchemaRef& schema) {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  auto connection = database_->schemaWrite(schema);
  if (!connection)
    return updateSqlError(connection.error(), "connecting to schema " + schema.schema);
  auto updates = loadUpdates(**connection, settings().idle);
  if (!updates) return updates.error();
  return planRun(**connection, schema, gather(), readExclusions(*config_->current()),
                 updates->executed());
}

CopyStore UpdateServiceImpl::copyStore() const {
  return {*database_, nodeName().substr(0, 200) + "#" + secureHex(8), settings().idle.lockedMillis};
}

Result<CopyReport> UpdateServiceImpl::rehearse(const services::SchemaRef& schema) {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  CopyStore store = copyStore();
  const std::int64_t beat = std::min(settings().refreshMillis, store.lifeMillis() / 3);
  return runOnCopy(
      *database_, schema, [this](const services::SchemaRef& copy) { return run(copy); }, store,
      std::max<std::int64_t>(1, beat));
}

Result<std::vector<CopyRow>> UpdateServiceImpl::copies() {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  return copyStore().list();
}

Result<std::vector<CopyRow>> UpdateServiceImpl::removeCopies() {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  return copyStore().removeDead();
}

std::map<std::string, std::vector<std::string>> UpdateServiceImpl::nameSpaces() const {
  std::map<std::string, std::vector<std::string>> out;
  for (const TaskPtr& task : gather().tasks)
    if (const std::string space = task->nameSpace(); !space.empty())
      out[space].push_back(task->name());
  for (auto& [space, names] : out) std::sort(names.begin(), names.end());
  return out;
}

Result<std::vector<services::SchemaRef>> UpdateServiceImpl::unblock(std::int32_t poolId,
                                                                    const std::string& schema) {
  Gate::Visit visit(gate_);
  if (!visit) return Error(Code::kShutdown);
  auto all = database_->schemas();
  if (!all) return all.error();
  std::vector<services::SchemaRef> out;
  bool found = false;
  for (const services::SchemaRef& one : *all) {
    if (one.writePoolId != poolId || (!schema.empty() && one.schema != schema)) continue;
    found = true;
    auto connection = database_->schemaWrite(one);
    if (!connection)
      return updateSqlError(connection.error(), "connecting to schema " + one.schema);
    // A named schema is unblocked whatever the age of its lock (negative: clocks may be equal).
    auto done = unblockOne(**connection, schema.empty() ? kTooLongMillis : std::int64_t{-1});
    if (!done) return done.error();
    if (!*done && !schema.empty())
      return Error(Code::kUpdNotLocked, "schema " + schema + " is not locked");
    if (!*done) continue;
    log::warn("schema " + one.schema + " was unblocked by an administrator");
    runner_.invalidate(one);
    out.push_back(one);
  }
  if (!schema.empty() && !found)
    return Error(Code::kUpdUnknownSchema, "there is no schema " + schema.substr(0, 64) +
                                              " in database " + std::to_string(poolId));
  return out;
}

Result<std::vector<services::SchemaRef>> UpdateServiceImpl::jobSchemas(
    const std::vector<std::string>& only, const std::vector<std::string>& skip) {
  auto config = database_->configWrite();
  if (!config) return updateSqlError(config.error(), "connecting to configdb");
  auto rows = (*config)->query(
      "SELECT DISTINCT write_db_pool_id, db_schema FROM context_server2db_pool WHERE server_id = ? "
      "ORDER BY write_db_pool_id, db_schema",
      {std::int64_t{database_->serverId()}});
  if (!rows) return updateSqlError(rows.error(), "reading the schemas of this server");
  std::vector<services::SchemaRef> out;
  for (const db::Row& row : *rows) {
    const std::string schema = row.text(1);
    if ((!only.empty() && !matches(only, schema)) || matches(skip, schema)) continue;
    out.push_back({static_cast<std::int32_t>(row.integer(0)), schema});
  }
  return out;
}

Status UpdateServiceImpl::kill(const services::SchemaRef& schema) {
  return runner_.killRunning(schema);
}

}  // namespace ox::update
