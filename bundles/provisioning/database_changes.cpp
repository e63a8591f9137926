#include "database_changes.h"

#include "announce.h"
#include "base/log.h"

namespace ox::provisioning {
namespace {

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

// "column = ?, ..." of what is to be set.
class Assignments {
 public:
  void set(const char* column, db::Value value) {
    text_ += (text_.empty() ? "" : ", ") + std::string(column) + " = ?";
    values_.push_back(std::move(value));
  }
  bool empty() const { return text_.empty(); }
  Status run(db::Connection& config, const std::string& table, const std::string& key,
             std::int64_t id) const {
    auto values = values_;
    values.emplace_back(id);
    auto done =
        config.execute("UPDATE " + table + " SET " + text_ + " WHERE " + key + " = ?", values);
    return done ? Status() : Status(done.error());
  }

 private:
  std::string text_;
  std::vector<db::Value> values_;
};

Status refuseIfAny(db::Connection& config, const std::string& from, const db::Value& id,
                   const std::string& text) {
  auto rows = config.query("SELECT COUNT(*) FROM " + from, {id});
  if (!rows) return rows.error();
  const std::int64_t count = rows->empty() ? 0 : rows->front().integer(0);
  return count == 0 ? Status() : Status(invalid(std::to_string(count) + " " + text));
}

Status executeAll(db::Connection& config, const std::vector<std::string>& statements,
                  const db::Value& id) {
  for (const auto& sql : statements)
    if (auto done = config.execute(sql, {id}); !done) return done.error();
  return {};
}

}  // namespace

Status DatabaseChanges::applyChange(db::Connection& config, const Database& now,
                                    const DatabaseChange& change) {
  Assignments pool;
  if (change.name) pool.set("name", *change.name);
  if (change.host) {
    auto url = databaseUrl(*change.host, now.url);
    if (!url) return url.error();
    pool.set("url", *url);
  }
  if (change.user) pool.set("login", *change.user);
  if (change.password) pool.set("password", *change.password);
  if (change.driver) pool.set("driver", *change.driver);
  if (change.hardLimit) pool.set("hardlimit", std::int64_t{*change.hardLimit ? 1 : 0});
  if (change.poolMax) pool.set("max", *change.poolMax);
  if (change.poolInitial) pool.set("initial", *change.poolInitial);
  if (!pool.empty())
    if (auto done = pool.run(config, "db_pool", "db_pool_id", now.id); !done) return done;
  Assignments cluster;
  if (change.weight) cluster.set("weight", *change.weight);
  if (change.maxUnits) cluster.set("max_units", *change.maxUnits);
  if (cluster.empty()) return {};
  return cluster.run(config, "db_cluster", "write_db_pool_id", now.id);
}

// A server that is read-only or does not answer would leave all its contexts without a master.
Status DatabaseChanges::mayBeMaster(const RoleChange& role) {
  if (role.kind != RoleChange::Kind::kPromote && role.kind != RoleChange::Kind::kAlone) return {};
  const std::string who = "database " + std::to_string(role.slave);
  auto server = around_.database->pool(role.slave);
  if (!server) return invalid(who + " does not answer: " + server.error().message);
  auto rows = (*server)->query("SELECT @@global.read_only");
  if (!rows) return storageError(rows.error(), "asking " + who);
  const std::string value = rows->empty() ? "0" : rows->front().text(0);
  if (value == "0" || value == "OFF") return {};
  return invalid(who + " is read-only (read_only=" + value +
                 ") and cannot be a master; SET GLOBAL read_only = 0 there first");
}

Result<std::int32_t> DatabaseChanges::changeDatabase(const NamedRef& database,
                                                     const DatabaseChange& change) {
  auto now = util_->findDatabase(database);
  if (!now) return now.error();
  auto all = util_->listDatabases({});
  if (!all) return all.error();
  auto role = roleChange(*now, *all, change.master, change.masterId);
  if (!role) return role.error();
  const bool master = change.master.value_or(now->master);
  if (!master && (change.weight || change.maxUnits))
    return invalid("weight and number of units belong to masters");
  const Database fresh;
  Database after = *now;
  after.name = change.name.value_or(now->name);
  after.user = change.user.value_or(now->user);
  after.password = change.password.value_or("");
  after.weight = change.weight.value_or(now->master ? now->weight : fresh.weight);
  after.maxUnits = change.maxUnits.value_or(now->master ? now->maxUnits : fresh.maxUnits);
  after.poolMax = change.poolMax.value_or(now->poolMax);
  after.poolInitial = change.poolInitial.value_or(now->poolInitial);
  if (auto wrong = checkDatabase(after); !wrong.empty()) return invalid(wrong);
  if (auto fine = mayBeMaster(*role); !fine) return fine.error();
  std::vector<std::int32_t> contexts;
  auto done = transact(
      [&] { return util_->config(); }, "changing the database",
      [&](db::Connection& config) -> Status {
        contexts.clear();
        if (change.name && *change.name != now->name) {
          auto same = config.query("SELECT db_pool_id FROM db_pool WHERE name = ?", {*change.name});
          if (!same) return same.error();
          if (!same->empty())
            return Error(Code::kAdmExists, "database " + same->front().text(0) + " has the name " +
                                               *change.name);
        }
        if (auto changed = applyRole(config, *role, after, contexts); !changed) return changed;
        return applyChange(config, *now, change);
      });
  if (!done) return done.error();
  announceDatabases(around_);
  if (!contexts.empty()) announceContexts(around_, contexts);
  log::info("database " + std::to_string(now->id) + " changed" +
            (role->kind == RoleChange::Kind::kPromote
                 ? "; database " + std::to_string(role->slave) + " is the master of " +
                       std::to_string(contexts.size()) + " contexts now, database " +
                       std::to_string(role->master) + " its slave"
                 : std::string()));
  return now->id;
}

Result<std::int32_t> DatabaseChanges::unregisterDatabase(const NamedRef& database) {
  auto now = util_->findDatabase(database);
  if (!now) return now.error();
  const db::Value id = std::int64_t{now->id};
  auto done = transact(
      [&] { return util_->config(); }, "unregistering the database",
      [&](db::Connection& config) -> Status {
        if (!now->master)
          return executeAll(config,
                            {"UPDATE db_cluster SET read_db_pool_id = 0 WHERE read_db_pool_id = ?",
                             "UPDATE context_server2db_pool SET read_db_pool_id = write_db_pool_id "
                             "WHERE read_db_pool_id = ?",
                             "DELETE FROM db_pool WHERE db_pool_id = ?"},
                            id);
        auto locked = config.query(
            "SELECT db_pool_id FROM dbpool_lock WHERE db_pool_id = ? FOR UPDATE", {id});
        if (!locked) return locked.error();
        for (const auto& [from, text] :
             {std::pair("context_server2db_pool WHERE write_db_pool_id = ?",
                        "contexts are in the database; move or delete them first"),
              std::pair("contexts_per_dbschema WHERE db_pool_id = ?",
                        "schemas are in the database; deleteemptyschemas removes empty ones"),
              std::pair("db_cluster WHERE write_db_pool_id = ? AND read_db_pool_id > 0",
                        "slave belongs to the database; unregister it first")})
          if (auto unused = refuseIfAny(config, from, id, text); !unused) return unused;
        return executeAll(config,
                          {"DELETE FROM db_cluster WHERE write_db_pool_id = ?",
                           "DELETE FROM contexts_per_dbpool WHERE db_pool_id = ?",
                           "DELETE FROM dbpool_lock WHERE db_pool_id = ?",
                           "DELETE FROM db_pool WHERE db_pool_id = ?"},
                          id);
      });
  if (!done) return done.error();
  announceDatabases(around_);
  log::info("database " + std::to_string(now->id) + " unregistered");
  return now->id;
}

Result<std::int32_t> DatabaseChanges::changeFilestore(std::int32_t id,
                                                      const FilestoreChange& change) {
  Filestore after;
  after.uri = change.uri.value_or("file:/x");
  after.sizeMb = change.sizeMb.value_or(0);
  after.maxContexts = change.maxContexts.value_or(0);
  if (auto wrong = checkFilestore(after); !wrong.empty()) return invalid(wrong);
  Assignments set;
  if (change.uri) set.set("uri", *change.uri);
  if (change.sizeMb) set.set("size", *change.sizeMb << 20);
  if (change.maxContexts) set.set("max_context", *change.maxContexts);
  if (set.empty()) return invalid("nothing is to be changed");
  auto done = transact(
      [&] { return util_->config(); }, "changing the file store",
      [&](db::Connection& config) -> Status {
        auto there = config.query("SELECT 1 FROM filestore WHERE id = ? FOR UPDATE",
                                  {std::int64_t{id}});
        if (!there) return there.error();
        if (there->empty()) return invalid("there is no file store " + std::to_string(id));
        auto changed = set.run(config, "filestore", "id", id);
        if (!changed && changed.error().code == Code::kDbDuplicate)
          return Error(Code::kAdmExists, "another file store is at " + *change.uri);
        return changed;
      });
  if (!done) return done.error();
  log::info("file store " + std::to_string(id) + " changed");
  return id;
}

Result<std::int32_t> DatabaseChanges::unregisterFilestore(std::int32_t id) {
  const db::Value key = std::int64_t{id};
  auto done = transact(
      [&] { return util_->config(); }, "unregistering the file store",
      [&](db::Connection& config) -> Status {
        auto there = config.query("SELECT 1 FROM filestore WHERE id = ? FOR UPDATE", {key});
        if (!there) return there.error();
        if (there->empty()) return invalid("there is no file store " + std::to_string(id));
        // The counter's row keeps creations away until this is decided.
        auto locked = config.query(
            "SELECT count FROM contexts_per_filestore WHERE filestore_id = ? "
            "FOR UPDATE",
            {key});
        if (!locked) return locked.error();
        for (const auto& [from, text] :
             {std::pair("context WHERE filestore_id = ?", "contexts use the file store"),
              std::pair("filestore2user WHERE filestore_id = ?", "users use the file store")})
          if (auto unused = refuseIfAny(config, from, key, text); !unused) return unused;
        return executeAll(config,
                          {"DELETE FROM contexts_per_filestore WHERE filestore_id = ?",
                           "DELETE FROM filestore WHERE id = ?"},
                          key);
      });
  if (!done) return done.error();
  log::info("file store " + std::to_string(id) + " unregistered");
  return id;
}

Result<std::int32_t> DatabaseChanges::unregisterServer(const NamedRef& server) {
  std::int32_t id = 0;
  auto done = transact(
      [&] { return util_->config(); }, "unregistering the server",
      [&](db::Connection& config) -> Status {
        auto found = server.id ? config.query("SELECT server_id, name FROM server "
                                              "WHERE server_id = ? FOR UPDATE",
                                              {std::int64_t{*server.id}})
                               : config.query("SELECT server_id, name FROM server "
                                              "WHERE name = ? FOR UPDATE", {server.name});
        if (!found) return found.error();
        if (found->empty() || (!server.name.empty() && found->front().text(1) != server.name))
          return invalid("there is no such server");
        id = static_cast<std::int32_t>(found->front().integer(0));
        const db::Value key = std::int64_t{id};
        if (auto unused = refuseIfAny(config, "context_server2db_pool WHERE server_id = ?", key,
                                      "contexts belong to the server; changeserver gives those of "
                                      "a schema to another one");
            !unused)
          return unused;
        return executeAll(config, {"DELETE FROM server WHERE server_id = ?"}, key);
      });
  if (!done) return done.error();
  announceDatabases(around_);  // what nodes remember of their own server's number, too
  log::info("server " + std::to_string(id) + " unregistered");
  return id;
}

}  // namespace ox::provisioning
