// Creating a user schema. Source: the original's createDatabase of its OXUtil storage.
#include "base/log.h"
#include "database/statement.h"
#include "tables.h"
#include "util_storage.h"

namespace ox::provisioning {
namespace {

Status registerSchema(db::Connection& config, const services::SchemaRef& schema) {
  auto done = config.execute(
      "INSERT INTO contexts_per_dbschema (db_pool_id, schemaname, count, creating_date) "
      "VALUES (?, ?, 0, ?)",
      {std::int64_t{schema.writePoolId}, schema.schema, nowMillis()});
  if (done)
    done = config.execute("INSERT INTO dbschema_lock (db_pool_id, schemaname) VALUES (?, ?)",
                          {std::int64_t{schema.writePoolId}, schema.schema});
  return done ? Status() : Status(done.error());
}

}  // namespace

Result<services::SchemaRef> UtilStorage::createSchema(std::optional<std::int32_t> databaseId) {
  services::SchemaRef created;
  const Status done = repeatConflicts([&]() -> Status {
    auto made = createSchemaOnce(databaseId);
    if (!made) return made.error();
    created = *made;
    return {};
  });
  if (!done) return done.error();
  return created;
}

Result<services::SchemaRef> UtilStorage::createSchemaOnce(std::optional<std::int32_t> databaseId) {
  auto databases = candidates(databaseId);
  if (!databases) return databases.error();
  std::string problems;
  for (const Database& database : *databases) {
    const std::string doing = "creating a schema in database " + database.name;
    auto server = around_.database->pool(database.id);
    if (!server) {
      log::warn(doing + ": " + server.error().message);
      problems += (problems.empty() ? "" : "; ") + server.error().message;
      continue;  // the next one may answer
    }
    const JournalEntry* noted = nullptr;
    JournalEntry entry{JournalEntry::Kind::kSchema, 0, {database.id, {}}};
    auto made = [&]() -> Status {
      auto lease = config();
      if (!lease) return lease.error();
      auto number = takeConfigId(**lease);
      if (!number) return number.error();
      entry.id = *number;
      entry.place.schema = database.name + "_" + std::to_string(*number);
      const std::string& name = entry.place.schema;
      if (!db::isSchemaName(name) || name.size() > 32)
        return Error(Code::kAdmInvalidData, "schema name " + name + " is not usable");
      auto same = (*server)->query(
          "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", {name});
      if (!same) return same.error();
      if (!same->empty())
        return Error(Code::kAdmStorage, doing + ": there is a schema " + name + " already");
      if (auto written = journal_.note(**lease, entry); !written) return written;
      noted = &entry;
      auto transaction = db::Transaction::begin(**lease);
      if (!transaction) return transaction.error();
      if (auto mine = journal_.claim(**lease, entry); !mine) return mine;
      if (auto filled = fillSchema(**server, entry.place); !filled) return filled;
      if (auto counted = registerSchema(**lease, entry.place); !counted) return counted;
      if (auto forgotten = journal_.forget(**lease, entry); !forgotten) return forgotten;
      return transaction->commit();
    }();
    if (!made) {
      if (noted)
        if (auto undone = journal_.clear(entry); !undone)
          log::warn("the half-made schema " + entry.place.schema +
                    " is removed by a later call: " + undone.error().message);
      return storageError(made.error(), doing);
    }
    log::info("schema " + entry.place.schema + " created in database " +
              std::to_string(database.id));
    return entry.place;
  }
  return Error(Code::kAdmStorage, "no database with room for contexts can be reached: " + problems);
}

Status UtilStorage::fillSchema(db::Connection& server, const services::SchemaRef& schema) {
  auto made = server.execute("CREATE DATABASE `" + schema.schema +
                             "` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  if (!made) return made.error();
  if (auto selected = server.selectSchema(schema.schema); !selected) return selected;
  if (auto tables = createTables(server); !tables) return tables;
  return around_.updates ? around_.updates->markAllExecuted(schema, server) : Status();
}

}  // namespace ox::provisioning
