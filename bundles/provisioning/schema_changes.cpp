#include "schema_changes.h"

#include <map>

#include "announce.h"
#include "base/log.h"
#include "config/keys_admin.h"

namespace ox::provisioning {
namespace {

using services::SchemaRef;

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

// Ids of the contexts in a schema, with a condition on the context's row.
Result<std::vector<std::int32_t>> contextsIn(db::Connection& config, const SchemaRef& schema,
                                             const std::string& condition,
                                             const std::vector<db::Value>& more) {
  std::vector<db::Value> values{std::int64_t{schema.writePoolId}, schema.schema};
  values.insert(values.end(), more.begin(), more.end());
  auto rows = config.query("SELECT DISTINCT c.cid FROM context_server2db_pool s "
                           "JOIN context c ON c.cid = s.cid WHERE s.write_db_pool_id = ? "
                           "AND s.db_schema = ? AND " + condition + " ORDER BY c.cid FOR UPDATE",
                           values);
  if (!rows) return rows.error();
  std::vector<std::int32_t> out;
  for (const auto& row : *rows) out.push_back(static_cast<std::int32_t>(row.integer(0)));
  return out;
}

}  // namespace

Result<std::vector<ListedSchema>> SchemaChanges::list(const NamedRef& database) {
  std::int64_t only = 0;
  if (database) {
    auto found = util_->findDatabase(database);
    if (!found) return found.error();
    only = found->id;
  }
  auto lease = util_->config();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(
      "SELECT p.db_pool_id, p.name, n.schemaname, n.count, n.creating_date "
      "FROM contexts_per_dbschema n JOIN db_pool p ON p.db_pool_id = n.db_pool_id "
      "WHERE ? IN (0, p.db_pool_id) ORDER BY p.db_pool_id, n.schemaname", {only});
  if (!rows) return storageError(rows.error(), "listing schemas");
  std::vector<ListedSchema> out;
  for (const auto& row : *rows)
    out.push_back({static_cast<std::int32_t>(row.integer(0)), row.text(1), row.text(2),
                   row.integer(3), row.integer(4)});
  return out;
}

Result<std::vector<SchemaCount>> SchemaChanges::count(const NamedRef& database) {
  auto schemas = list(database);
  if (!schemas) return schemas.error();
  auto databases = util_->listDatabases({});
  if (!databases) return databases.error();
  std::vector<SchemaCount> out;
  for (const auto& one : *databases) {
    if (!one.master || (database.id && one.id != *database.id) ||
        (!database.name.empty() && one.name != database.name))
      continue;
    SchemaCount counted{one.id, one.name, 0};
    for (const auto& schema : *schemas) counted.schemas += schema.databaseId == one.id ? 1 : 0;
    out.push_back(std::move(counted));
  }
  return out;
}

Result<std::vector<SchemaRef>> SchemaChanges::create(std::optional<std::int32_t> databaseId,
                                                     std::int64_t number) {
  if (number < 1 || number > kMaxAtOnce)
    return invalid("the number of schemas must be 1 to " + std::to_string(kMaxAtOnce));
  std::vector<SchemaRef> out;
  for (std::int64_t i = 0; i < number; ++i) {
    auto made = util_->createSchema(databaseId);
    if (!made && out.empty()) return made.error();
    if (!made)
      return Error(made.error().code, std::to_string(out.size()) + " of " + std::to_string(number) +
                                          " schemas were created, then: " + made.error().message);
    out.push_back(*made);
  }
  return out;
}

// False: it is used.
Result<bool> SchemaChanges::removeOne(const SchemaRef& schema) {
  const std::vector<db::Value> place{std::int64_t{schema.writePoolId}, schema.schema};
  const JournalEntry entry{JournalEntry::Kind::kSchema, 0, schema};
  bool unused = false;
  auto done = transact(
      [&] { return util_->config(); }, "removing schema " + schema.schema,
      [&](db::Connection& config) -> Status {
        // As a creation of a context locks, so that none comes in between.
        auto locked = config.query("SELECT 1 FROM dbpool_lock WHERE db_pool_id = ? FOR UPDATE",
                                   {place[0]});
        if (locked)
          locked = config.query("SELECT 1 FROM dbschema_lock WHERE db_pool_id = ? "
                                "AND schemaname = ? FOR UPDATE", place);
        if (!locked) return locked.error();
        auto used = config.query("SELECT 1 FROM context_server2db_pool WHERE write_db_pool_id = ? "
                                 "AND db_schema = ? LIMIT 1", place);
        if (!used) return used.error();
        auto server = around_.database->schemaWrite(schema);
        if (!server) return server.error();
        auto users = (*server)->query("SELECT 1 FROM user LIMIT 1");
        if (!users) return users.error();
        unused = used->empty() && users->empty();
        if (!unused) return {};
        if (auto noted = journal_.note(config, entry); !noted) return noted;
        for (const char* table : {"contexts_per_dbschema", "dbschema_lock"}) {
          auto gone = config.execute(std::string("DELETE FROM ") + table +
                                     " WHERE db_pool_id = ? AND schemaname = ?", place);
          if (!gone) return gone.error();
        }
        return {};
      });
  if (!done) return done.error();
  if (!unused) return false;
  if (auto dropped = journal_.undo(entry); !dropped)
    return storageError(dropped.error(), "schema " + schema.schema +
                                             " is unregistered, a later call drops it");
  log::info("schema " + schema.schema + " removed from database " +
            std::to_string(schema.writePoolId));
  return true;
}

Result<std::vector<SchemaRef>> SchemaChanges::removeEmpty(const NamedRef& database,
                                                          const std::string& schema,
                                                          std::int64_t keep) {
  if (keep < 0) return invalid("the number of schemas to keep must be 0 or more");
  auto all = list(database);
  if (!all) return all.error();
  std::vector<SchemaRef> out;
  std::map<std::int32_t, std::int64_t> kept;
  bool found = schema.empty();
  for (const auto& one : *all) {
    if (!schema.empty() && one.schema != schema) continue;
    found = true;
    if (one.contexts > 0) {
      if (!schema.empty()) return invalid("schema " + schema + " holds contexts");
      continue;
    }
    if (kept[one.databaseId]++ < keep) continue;
    const SchemaRef ref{one.databaseId, one.schema};
    auto removed = removeOne(ref);
    if (!removed) return removed.error();
    if (*removed) out.push_back(ref);
    else log::warn("schema " + one.schema + " counts no context but holds some; it stays "
                   "(checkcountsconsistency corrects counters)");
  }
  if (!found) return invalid("there is no schema " + schema);
  return out;
}

Result<std::size_t> SchemaChanges::setEnabled(const std::string& schema, bool enabled) {
  auto found = around_.database->findSchema(schema);
  if (!found) return invalid(found.error().message);
  const db::Value reason =
      around_.config->current()->get(config::keys::kSchemaMoveMaintenanceReason);
  std::vector<std::int32_t> ids;
  auto done = transact(
      [&] { return util_->config(); }, enabled ? "enabling the schema" : "disabling the schema",
      [&](db::Connection& config) -> Status {
        auto chosen = enabled ? contextsIn(config, *found, "c.reason_id = ? AND c.enabled = 0",
                                           {reason})
                              : contextsIn(config, *found, "COALESCE(c.enabled, 1) = 1", {});
        if (!chosen) return chosen.error();
        ids = *chosen;
        for (const std::int32_t id : ids) {
          auto set = config.execute("UPDATE context SET enabled = ?, reason_id = ? WHERE cid = ?",
                                    {std::int64_t{enabled ? 1 : 0},
                                     enabled ? db::Value(std::monostate()) : reason,
                                     std::int64_t{id}});
          if (!set) return set.error();
        }
        return {};
      });
  if (!done) return done.error();
  announceContexts(around_, ids);
  if (!enabled && !ids.empty()) {
    services::CloseRequest sessions;
    sessions.contextIds = ids;
    endSessions(around_, sessions);
  }
  log::info("schema " + schema + (enabled ? " enabled" : " disabled") + ", contexts: " +
            std::to_string(ids.size()));
  return ids.size();
}

Result<std::size_t> SchemaChanges::changeServer(const std::string& schema, std::int32_t serverId) {
  auto found = around_.database->findSchema(schema);
  if (!found) return invalid(found.error().message);
  std::vector<std::int32_t> ids;
  auto done = transact(
      [&] { return util_->config(); }, "changing the server",
      [&](db::Connection& config) -> Status {
        auto server = config.query("SELECT 1 FROM server WHERE server_id = ? LOCK IN SHARE MODE",
                                   {std::int64_t{serverId}});
        if (!server) return server.error();
        if (server->empty()) return invalid("there is no server " + std::to_string(serverId));
        auto chosen = contextsIn(config, *found, "s.server_id <> ?", {std::int64_t{serverId}});
        if (!chosen) return chosen.error();
        ids = *chosen;
        auto set = config.execute(
            "UPDATE context_server2db_pool SET server_id = ? WHERE write_db_pool_id = ? "
            "AND db_schema = ?",
            {std::int64_t{serverId}, std::int64_t{found->writePoolId}, found->schema});
        return set ? Status() : Status(set.error());
      });
  if (!done) return done.error();
  announceContexts(around_, ids);
  log::info("contexts of schema " + schema + " belong to server " + std::to_string(serverId) +
            " now: " + std::to_string(ids.size()));
  return ids.size();
}

}  // namespace ox::provisioning
