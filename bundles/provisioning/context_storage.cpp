#include "context_storage.h"

#include <algorithm>
#include <map>

#include "announce.h"
#include "base/log.h"
#include "config/keys_admin.h"
#include "tables.h"

#include <Poco/Exception.h>
#include <Poco/RegularExpression.h>

namespace ox::provisioning {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxInfo = 255;
constexpr std::size_t kMaxMappings = 1000;
constexpr std::int64_t kMaxQuotaMb = 8'796'093'022'207;
const char* const kDoing = "creating the context";

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

}  // namespace

std::string ContextStorage::check(const NewContext& context) const {
  if (context.id && *context.id <= 0) return "the context id must be a number above 0";
  if (context.quotaMb < -1 || context.quotaMb > kMaxQuotaMb)
    return "quota must be megabytes of 0 to 8796093022207, or -1 for no limit";
  if (!context.name.empty())
    if (auto wrong = checkText("context name", context.name, kMaxName); !wrong.empty())
      return wrong;
  if (auto wrong = checkMappings(context.mappings); !wrong.empty()) return wrong;
  return checkUser(context.admin);
}

std::string ContextStorage::checkMappings(const std::vector<std::string>& mappings) const {
  if (mappings.size() > kMaxMappings) return "there are more than 1000 login mappings";
  const std::string allowed = around_.config->current()->get(config::keys::kLoginMappingRegexp);
  if (!allowed.empty()) {
    try {
      const Poco::RegularExpression expression("\\A(?:" + allowed + ")+\\z");
      for (const auto& mapping : mappings)
        if (mapping.size() > kMaxInfo || !expression.match(mapping, 0, 0))
          return "login mapping '" + mapping.substr(0, 80) + "' is too long or has characters "
                 "other than " + allowed + " (CHECK_CONTEXT_LOGIN_MAPPING_REGEXP)";
    } catch (const Poco::Exception& e) {
      return "CHECK_CONTEXT_LOGIN_MAPPING_REGEXP is no regular expression: " + e.displayText();
    }
  }
  return {};
}

Result<services::SchemaRef> ContextStorage::chooseSchema(std::optional<std::int32_t> databaseId,
                                                         const std::string& schema) {
  auto databases = util_->candidates(databaseId);
  if (!databases) return databases.error();
  auto lease = util_->config();
  if (!lease) return lease.error();
  if (!schema.empty()) {
    auto found = around_.database->findSchema(schema);
    if (!found) return invalid(found.error().message);
    if (databaseId && found->writePoolId != *databaseId)
      return invalid("schema " + schema + " is not in database " + std::to_string(*databaseId));
    return found;
  }
  const std::int64_t limit = around_.config->current()->get(config::keys::kContextsPerSchema);
  for (const Database& database : *databases) {
    auto reachable = around_.database->pool(database.id);
    if (!reachable) {
      log::warn("database " + database.name + " takes no new context: " +
                reachable.error().message);
      continue;
    }
    auto rows = (*lease)->query(
        "SELECT schemaname FROM contexts_per_dbschema WHERE db_pool_id = ? AND count < ? "
        "ORDER BY count, schemaname LIMIT 1",
        {std::int64_t{database.id}, limit});
    if (!rows) return storageError(rows.error(), kDoing);
    if (!rows->empty()) return services::SchemaRef{database.id, rows->front().text(0)};
    return util_->createSchema(database.id);
  }
  return Error(Code::kAdmStorage, "no database with room for contexts can be reached");
}

Result<std::int32_t> ContextStorage::chooseFilestore(db::Connection& config,
                                                   const NewContext& context) {
  const std::int64_t average = around_.config->current()->get(config::keys::kAverageContextSize);
  std::string sql =
      "SELECT f.id FROM filestore f LEFT JOIN contexts_per_filestore n ON n.filestore_id = f.id "
      "WHERE COALESCE(n.count, 0) < f.max_context ";
  std::vector<db::Value> values;
  if (context.filestoreId) {
    sql += "AND f.id = ? ";
    values.push_back(std::int64_t{*context.filestoreId});
  } else {
    sql += "AND (COALESCE(n.count, 0) + 1) * ? <= f.size ";
    values.push_back(average << 20);
  }
  auto rows = config.query(sql + "ORDER BY COALESCE(n.count, 0) / f.max_context, f.id LIMIT 1",
                           values);
  if (!rows) return rows.error();
  if (rows->empty())
    return Error(Code::kAdmStorage, context.filestoreId
                                        ? "file store " + std::to_string(*context.filestoreId) +
                                              " does not exist or is full"
                                        : "no file store with room for a context is registered");
  return static_cast<std::int32_t>(rows->front().integer(0));
}

Status ContextStorage::countAll(db::Connection& config, const NewContext& context,
                                const Place& place) {
  if (auto counted = count(config, place.schema, context.schema.empty()); !counted) return counted;
  // The choice was made without a lock: it may be full meanwhile.
  auto row = config.execute(
      "INSERT IGNORE INTO contexts_per_filestore (filestore_id, count) VALUES (?, 0)",
      {std::int64_t{place.filestoreId}});
  if (row)
    row = config.execute(
        "UPDATE contexts_per_filestore n JOIN filestore f ON f.id = n.filestore_id "
        "SET n.count = n.count + 1 WHERE n.filestore_id = ? AND n.count < f.max_context",
        {std::int64_t{place.filestoreId}});
  if (!row) return row.error();
  if (*row == 0)
    return Error(Code::kDbDeadlock,
                 "file store " + std::to_string(place.filestoreId) + " has no room any more");
  return {};
}

Status ContextStorage::lockPlace(db::Connection& config, const services::SchemaRef& schema,
                                 bool alone) {
  const std::int64_t pool = schema.writePoolId;
  if (alone) {
    auto database = config.query(
        "SELECT db_pool_id FROM dbpool_lock WHERE db_pool_id = ? FOR UPDATE", {pool});
    if (!database) return database.error();
  }
  auto place = config.query(std::string("SELECT db_pool_id FROM dbschema_lock WHERE db_pool_id = ? "
                                        "AND schemaname = ?") +
                                (alone ? " FOR UPDATE" : " LOCK IN SHARE MODE"),
                            {pool, schema.schema});
  if (!place) return place.error();
  if (place->empty())  // removed, or its database changed roles: choose again
    return Error(Code::kDbDeadlock, "schema " + schema.schema + " is not there any more");
  return {};
}

Status ContextStorage::count(db::Connection& config, const services::SchemaRef& schema,
                             bool limited) {
  const std::int64_t pool = schema.writePoolId;
  auto done = config.execute(
      "UPDATE contexts_per_dbpool n JOIN db_cluster c ON c.write_db_pool_id = n.db_pool_id "
      "SET n.count = n.count + 1 WHERE n.db_pool_id = ? AND n.count < c.max_units", {pool});
  if (!done) return done.error();
  if (*done == 0)
    return Error(Code::kAdmStorage,
                 "database " + std::to_string(pool) + " has reached its maximum of contexts");
  const std::int64_t limit =
      limited ? around_.config->current()->get(config::keys::kContextsPerSchema) : INT32_MAX;
  done = config.execute("UPDATE contexts_per_dbschema SET count = count + 1 "
                        "WHERE db_pool_id = ? AND schemaname = ? AND count < ?",
                        {pool, schema.schema, limit});
  if (!done) return done.error();
  if (*done == 0)  // filled by somebody else meanwhile: choose again
    return Error(Code::kDbDeadlock, "schema " + schema.schema + " has no room any more");
  return {};
}

Status ContextStorage::insertConfig(db::Connection& config, const NewContext& context,
                                    std::int32_t id, const Place& place,
                                    std::vector<std::string>& infos) {
  const std::string text = std::to_string(id);
  const std::string name = context.name.empty() ? text : context.name;
  auto done = config.execute(
      "INSERT INTO context (cid, name, enabled, filestore_id, filestore_name, quota_max) "
      "VALUES (?, ?, 1, ?, ?, ?)",
      {std::int64_t{id}, name, std::int64_t{place.filestoreId}, text + "_ctx_store",
       context.quotaMb < 0 ? std::int64_t{-1} : context.quotaMb << 20});
  if (!done && done.error().code == Code::kDbDuplicate)
    return Error(Code::kAdmExists, "context " + text + " or a context with the name " + name +
                                       " already exists");
  if (done)
    done = config.execute(
        "INSERT INTO context_server2db_pool (server_id, cid, read_db_pool_id, write_db_pool_id, "
        "db_schema) VALUES (?, ?, ?, ?, ?)",
        {std::int64_t{place.serverId}, std::int64_t{id}, std::int64_t{place.readPoolId},
         std::int64_t{place.schema.writePoolId}, place.schema.schema});
  if (!done) return done.error();
  infos = {text};
  const auto addInfo = [&](const std::string& info) {
    if (std::find(infos.begin(), infos.end(), info) == infos.end()) infos.push_back(info);
  };
  addInfo(name);
  for (const auto& mapping : context.mappings) addInfo(mapping);
  for (const auto& info : infos) {
    done = config.execute("INSERT INTO login2context (cid, login_info) VALUES (?, ?)",
                          {std::int64_t{id}, info});
    if (!done && done.error().code == Code::kDbDuplicate) {
      // The same text in another case may be our own.
      auto owner = config.query("SELECT cid FROM login2context WHERE login_info = ?", {info});
      if (owner && !owner->empty() && owner->front().integer(0) == id) continue;
      return Error(Code::kAdmExists, "login mapping " + info + " belongs to another context");
    }
    if (!done) return done.error();
  }
  return {};
}

Result<std::int32_t> ContextStorage::insertPayload(db::Connection& schema,
                                                   const NewContext& context, std::int32_t id) {
  const std::int64_t cid = id;
  for (const auto& sequence : sequenceTables()) {
    auto done = schema.execute("INSERT INTO " + sequence + " (cid, id) VALUES (?, 0)", {cid});
    if (!done) return done.error();
  }
  for (const char* sql : {"INSERT INTO replicationMonitor (cid, transaction) VALUES (?, 0)",
                          "INSERT INTO filestore_usage (cid, used) VALUES (?, 0)"})
    if (auto done = schema.execute(sql, {cid}); !done) return done.error();
  auto group = nextId(schema, "sequence_principal", id);
  if (!group) return group;
  OX_CHECK(*group == kDefaultGroupId);
  auto done = schema.execute(
      "INSERT INTO `groups` (cid, id, identifier, displayName, lastModified, gidNumber) "
      "VALUES (?, ?, 'users', 'Users', ?, 0)", {cid, std::int64_t{*group}, nowMillis()});
  if (!done) return done.error();
  auto admin = insertUser(schema, id, context.admin);
  if (!admin) return admin;
  done = schema.execute("INSERT INTO user_setting_admin (cid, user) VALUES (?, ?)",
                        {cid, std::int64_t{*admin}});
  if (!done) return done.error();
  return admin;
}

Result<CreatedContext> ContextStorage::createIn(const NewContext& context,
                                                const services::SchemaRef& schema) {
  const std::int32_t server = around_.database->serverId();
  if (server == 0)
    return Error(Code::kAdmStorage, "this server (SERVER_NAME in system.properties) is not "
                                    "registered or configdb does not answer");
  JournalEntry entry{JournalEntry::Kind::kContext, context.id.value_or(0), schema};
  {
    auto config = util_->config();
    if (!config) return config.error();
    while (entry.id == 0) {
      auto next = takeConfigId(**config);
      if (!next) return next.error();
      auto taken = (*config)->query("SELECT 1 FROM context WHERE cid = ?", {std::int64_t{*next}});
      if (!taken) return taken.error();
      if (taken->empty()) entry.id = *next;
    }
    if (auto noted = journal_.note(**config, entry); !noted) return noted.error();
  }
  std::vector<std::string> infos;
  auto made = createNoted(context, entry, server, infos);
  if (!made) {
    if (auto undone = journal_.clear(entry); !undone)
      log::warn("what is left of context " + std::to_string(entry.id) + " in schema " +
                schema.schema + " is removed by a later call: " + undone.error().message);
    return made;
  }
  announceContexts(around_, {entry.id}, infos);
  log::info("context " + std::to_string(entry.id) + " created in schema " + schema.schema);
  return made;
}

Result<CreatedContext> ContextStorage::createNoted(const NewContext& context,
                                                   const JournalEntry& entry,
                                                   std::int32_t serverId,
                                                   std::vector<std::string>& infos) {
  const services::SchemaRef& schema = entry.place;
  auto config = util_->config();
  if (!config) return config.error();
  auto payload = around_.database->schemaWrite(schema);
  if (!payload) return payload.error();
  auto transaction = db::Transaction::begin(**config);
  if (!transaction) return transaction.error();
  if (auto mine = journal_.claim(**config, entry); !mine) return mine.error();
  Place place{schema, serverId, 0, 0};
  // Alone: the locked row of the database keeps others out to the end. In any case the schema stays.
  const bool alone = around_.config->current()->get(config::keys::kLockOnWriteContext);
  if (auto locked = lockPlace(**config, schema, alone); !locked) return locked.error();
  auto store = chooseFilestore(**config, context);
  if (!store) return store.error();
  place.filestoreId = *store;
  auto read = (*config)->query("SELECT read_db_pool_id FROM db_cluster WHERE write_db_pool_id = ?",
                               {std::int64_t{schema.writePoolId}});
  if (!read) return read.error();
  place.readPoolId = read->empty() ? 0 : static_cast<std::int32_t>(read->front().integer(0));
  if (place.readPoolId == 0) place.readPoolId = schema.writePoolId;
  if (auto inserted = insertConfig(**config, context, entry.id, place, infos); !inserted)
    return inserted.error();

  auto payloadTransaction = db::Transaction::begin(**payload);
  if (!payloadTransaction) return payloadTransaction.error();
  auto admin = insertPayload(**payload, context, entry.id);
  if (!admin) return admin.error();
  if (auto counted = countAll(**config, context, place); !counted) return counted.error();
  if (auto done = payloadTransaction->commit(); !done) return done.error();
  if (auto forgotten = journal_.forget(**config, entry); !forgotten) return forgotten.error();
  if (auto done = transaction->commit(); !done) return done.error();
  return CreatedContext{entry.id, schema.writePoolId, schema.schema, *admin};
}

Result<CreatedContext> ContextStorage::create(const NewContext& given) {
  NewContext context = given;
  context.admin = withDefaults(given.admin, *around_.config->current());
  if (auto wrong = check(context); !wrong.empty()) return invalid(wrong);
  if (context.id) {  // before a schema may be created for nothing
    auto lease = util_->config();
    if (!lease) return lease.error();
    auto taken = (*lease)->query("SELECT 1 FROM context WHERE cid = ?",
                                 {std::int64_t{*context.id}});
    if (!taken) return storageError(taken.error(), kDoing);
    if (!taken->empty())
      return Error(Code::kAdmExists, "context " + std::to_string(*context.id) + " already exists");
  }
  std::optional<CreatedContext> created;
  const Status done = repeatConflicts([&]() -> Status {
    auto schema = chooseSchema(context.databaseId, context.schema);
    if (!schema) return schema.error();
    auto made = createIn(context, *schema);
    if (!made) return made.error();
    created = *made;
    return {};
  });
  if (!done) return storageError(done.error(), kDoing);
  return *created;
}

Status ContextStorage::fillUsage(std::vector<ListedContext>& contexts, db::Connection& config) {
  auto rows = config.query("SELECT DISTINCT write_db_pool_id, db_schema "
                           "FROM context_server2db_pool");
  if (!rows) return rows.error();
  std::map<std::int32_t, ListedContext*> byId;
  for (auto& one : contexts) byId[one.id] = &one;
  for (const auto& row : *rows) {
    const services::SchemaRef schema{static_cast<std::int32_t>(row.integer(0)), row.text(1)};
    auto lease = around_.database->schemaWrite(schema);
    auto used = lease ? (*lease)->query("SELECT cid, SUM(used) FROM filestore_usage GROUP BY cid")
                      : Result<std::vector<db::Row>>(lease.error());
    if (!used) {  // a list must not fail because of one schema
      log::warn("usage of schema " + schema.schema + " is not known: " + used.error().message);
      continue;
    }
    for (const auto& one : *used)
      if (auto found = byId.find(static_cast<std::int32_t>(one.integer(0))); found != byId.end())
        found->second->usedMb = one.integer(1) >> 20;
  }
  return {};
}

Result<std::vector<ListedContext>> ContextStorage::list(const std::string& pattern,
                                                        bool ignoreCase) {
  auto lease = util_->config();
  if (!lease) return lease.error();
  const std::string like = likePattern(pattern);
  const std::string collate = ignoreCase ? "" : " COLLATE utf8mb4_bin";
  auto rows = (*lease)->query(
      "SELECT c.cid, c.filestore_id, c.filestore_name, c.enabled, c.quota_max, c.name "
      "FROM context c WHERE CONVERT(c.name USING utf8mb4)" + collate + " LIKE ? "
      "OR CAST(c.cid AS CHAR) LIKE ? OR EXISTS (SELECT 1 FROM login2context l WHERE l.cid = c.cid "
      "AND CONVERT(l.login_info USING utf8mb4)" + collate + " LIKE ?) ORDER BY c.cid",
      {like, like, like});
  if (!rows) return storageError(rows.error(), "listing contexts");
  std::vector<ListedContext> out;
  std::map<std::int32_t, std::size_t> index;
  for (const auto& row : *rows) {
    ListedContext one;
    one.id = static_cast<std::int32_t>(row.integer(0));
    one.filestoreId = static_cast<std::int32_t>(row.integer(1));
    one.filestoreName = row.text(2);
    one.enabled = row.isNull(3) || row.boolean(3);
    one.quotaMb = row.integer(4) < 0 ? -1 : row.integer(4) >> 20;
    one.name = row.text(5);
    index[one.id] = out.size();
    out.push_back(std::move(one));
  }
  auto infos =
      (*lease)->query("SELECT cid, login_info FROM login2context ORDER BY cid, login_info");
  if (!infos) return storageError(infos.error(), "listing contexts");
  for (const auto& row : *infos)
    if (auto found = index.find(static_cast<std::int32_t>(row.integer(0))); found != index.end())
      out[found->second].mappings.push_back(row.text(1));
  if (auto filled = fillUsage(out, **lease); !filled)
    return storageError(filled.error(), "listing contexts");
  return out;
}

}  // namespace ox::provisioning
