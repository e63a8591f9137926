// Creating a user schema. Source: the original's createDatabase of its OXUtil storage.
#include "base/log.h"
#include "database/statement.h"
#include "tables.h"
#include "util_storage.h"

namespace ox::provisioning {
namespace {

// DROP DATABASE unless told to keep.
class SchemaGuard {
 public:
  SchemaGuard(db::Connection& connection, std::string name)
      : connection_(connection), name_(std::move(name)) {}
  ~SchemaGuard() {
    if (keep_) return;
    if (auto dropped = connection_.execute("DROP DATABASE IF EXISTS `" + name_ + "`"); !dropped)
      log::warn("the half-made schema " + name_ + " could not be dropped: " +
                dropped.error().message);
  }
  SchemaGuard(const SchemaGuard&) = delete;
  SchemaGuard& operator=(const SchemaGuard&) = delete;
  void keep() { keep_ = true; }

 private:
  db::Connection& connection_;
  std::string name_;
  bool keep_ = false;
};

Status countSchema(db::Connection& config, const services::SchemaRef& schema) {
  auto transaction = db::Transaction::begin(config);
  if (!transaction) return transaction.error();
  auto done = config.execute(
      "INSERT INTO contexts_per_dbschema (db_pool_id, schemaname, count, creating_date) "
      "VALUES (?, ?, 0, ?)",
      {std::int64_t{schema.writePoolId}, schema.schema, nowMillis()});
  if (done)
    done = config.execute("INSERT INTO dbschema_lock (db_pool_id, schemaname) VALUES (?, ?)",
                          {std::int64_t{schema.writePoolId}, schema.schema});
  if (!done) return done.error();
  return transaction->commit();
}

}  // namespace

Result<services::SchemaRef> UtilStorage::createSchema(std::optional<std::int32_t> databaseId) {
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
    auto lease = config();
    if (!lease) return lease.error();
    auto number = nextConfigId(**lease);
    if (!number) return storageError(number.error(), doing);
    const services::SchemaRef schema{database.id, database.name + "_" + std::to_string(*number)};
    if (!db::isSchemaName(schema.schema) || schema.schema.size() > 32)
      return Error(Code::kAdmInvalidData, "schema name " + schema.schema + " is not usable");
    auto same = (*server)->query(
        "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", {schema.schema});
    if (!same) return storageError(same.error(), doing);
    if (!same->empty())
      return Error(Code::kAdmStorage, doing + ": there is a schema " + schema.schema + " already");
    auto made = (*server)->execute("CREATE DATABASE `" + schema.schema +
                                   "` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    if (!made) return storageError(made.error(), doing);
    SchemaGuard guard(**server, schema.schema);
    if (auto selected = (*server)->selectSchema(schema.schema); !selected)
      return storageError(selected.error(), doing);
    if (auto tables = createTables(**server); !tables) return storageError(tables.error(), doing);
    if (around_.updates)
      if (auto marked = around_.updates->markAllExecuted(schema, **server); !marked)
        return storageError(marked.error(), doing);
    if (auto counted = countSchema(**lease, schema); !counted)
      return storageError(counted.error(), doing);
    guard.keep();
    log::info("schema " + schema.schema + " created in database " + std::to_string(database.id));
    return schema;
  }
  return Error(Code::kAdmStorage, "no database with room for contexts can be reached: " + problems);
}

}  // namespace ox::provisioning
