#include "util_storage.h"

#include <algorithm>
#include <filesystem>

#include "announce.h"
#include "base/log.h"
#include "database/statement.h"

namespace ox::provisioning {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxServerName = 255;
constexpr std::size_t kMaxUri = 255;
// Room for "_" and the number within the 32 characters of db_schema.
constexpr std::size_t kMaxSchemaPrefix = 21;

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

bool isUri(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon < 2 || colon + 1 >= text.size()) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

}  // namespace

Result<std::string> databaseUrl(const std::string& host, const std::string& before) {
  const Error refused = invalid("hostname '" + host.substr(0, 80) + "' is not of the form host, "
                                "host:port, mysql://host:port or jdbc:mysql://host:port/?name=value "
                                "without a schema, at most 255 characters");
  std::string text = host;
  std::string parameters;
  if (const auto mark = text.find('?'); mark != std::string::npos) {
    if (!text.starts_with("jdbc:")) return refused;
    parameters = text.substr(mark);
    text.erase(mark);
  } else if (const auto old = before.find('?');
             old != std::string::npos && !text.starts_with("jdbc:")) {
    parameters = before.substr(old);
  }
  std::string scheme = "jdbc:mysql://";
  if (text.starts_with("jdbc:mariadb://")) scheme = "jdbc:mariadb://";
  for (const std::string& prefix : {scheme, std::string("mysql://")})
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  while (!text.empty() && text.back() == '/') text.pop_back();
  const std::string url = scheme + text + "/" + parameters;
  const auto parsed = db::parseJdbcUrl(url);
  if (!parsed && parsed.error().message.find("parameter") != std::string::npos)
    return invalid(parsed.error().message);
  if (text.empty() || text.find_first_of("/?&# ") != std::string::npos || !parsed ||
      url.size() > kMaxUri)
    return refused;
  return url;
}

std::string checkFilestore(const Filestore& store) {
  if (auto wrong = checkText("store path", store.uri, kMaxUri); !wrong.empty()) return wrong;
  if (!isUri(store.uri)) return "store path must be a URI such as file:/var/opt/filestore";
  if (store.sizeMb < 0 || store.sizeMb > 8'796'093'022'207)
    return "store size must be megabytes of 0 to 8796093022207";
  if (store.maxContexts < 0 || store.maxContexts > INT32_MAX)
    return "number of contexts must be 0 to 2147483647";
  return {};
}

std::string checkDatabase(const Database& database) {
  if (auto wrong = checkText("database name", database.name, kMaxName); !wrong.empty())
    return wrong;
  if (auto wrong = checkText("database user", database.user, kMaxName); !wrong.empty())
    return wrong;
  if (database.password.size() > kMaxName) return "database password is too long";
  if (!db::isSchemaName(database.name) || database.name.size() > kMaxSchemaPrefix)
    return "database name must be 1 to 21 characters of A-Z a-z 0-9 _ $ -, because the names of "
           "its "
           "schemas begin with it";
  if (database.weight < 0 || database.maxUnits > INT32_MAX || database.poolMax < 0 ||
      database.poolMax > 100000 || database.poolInitial < 0 || database.poolInitial > 100000)
    return "weight, number of units or pool sizes are out of range";
  return {};
}

Result<Database> UtilStorage::findDatabase(const NamedRef& database) {
  auto all = listDatabases({});
  if (!all) return all.error();
  for (auto& one : *all)
    if ((!database.id || one.id == *database.id) &&
        (database.name.empty() || one.name == database.name))
      return one;
  return invalid("there is no database " +
                 (database.id ? std::to_string(*database.id) + " " : std::string()) +
                 database.name);
}

Result<db::Lease> UtilStorage::config() {
  auto lease = around_.database->configWrite();
  if (!lease) return storageError(lease.error(), "configdb");
  std::lock_guard lock(mutex_);
  if (!countersChecked_) {
    if (auto there = repeatConflicts([&] { return ensureCounterTables(**lease); }); !there)
      return storageError(there.error(), "counter tables of configdb");
    countersChecked_ = true;
  }
  return lease;
}

Result<std::int32_t> UtilStorage::registerServer(const std::string& name) {
  if (auto wrong = checkText("server name", name, kMaxServerName); !wrong.empty())
    return invalid(wrong);
  std::int32_t registered = 0;
  const Status done = transact(
      [&] { return config(); }, "registering the server", [&](db::Connection& config) -> Status {
        auto id = nextConfigId(config);
        if (!id) return id.error();
        registered = *id;
        auto inserted = config.execute("INSERT INTO server (server_id, name) VALUES (?, ?)",
                                       {std::int64_t{*id}, name});
        if (!inserted && inserted.error().code == Code::kDbDuplicate)
          return Error(Code::kAdmExists, "server " + name + " is registered already");
        return inserted ? Status() : Status(inserted.error());
      });
  if (!done) return done.error();
  return registered;
}

Result<std::vector<Server>> UtilStorage::listServers(const std::string& pattern) {
  auto lease = config();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(
      "SELECT server_id, name FROM server WHERE name LIKE ? ORDER BY server_id",
      {likePattern(pattern)});
  if (!rows) return storageError(rows.error(), "listing servers");
  std::vector<Server> out;
  for (const auto& row : *rows)
    out.push_back({static_cast<std::int32_t>(row.integer(0)), row.text(1)});
  return out;
}

Result<std::int32_t> UtilStorage::registerFilestore(const Filestore& store) {
  if (auto wrong = checkFilestore(store); !wrong.empty()) return invalid(wrong);
  if (store.uri.starts_with("file:")) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(store.uri.substr(5), ignored))
      log::warn("the directory of file store " + store.uri + " does not exist on this node");
  }
  std::int32_t registered = 0;
  const Status done = transact(
      [&] { return config(); }, "registering the file store", [&](db::Connection& config) -> Status {
        auto id = nextConfigId(config);
        if (!id) return id.error();
        registered = *id;
        auto inserted = config.execute(
            "INSERT INTO filestore (id, uri, size, max_context) VALUES (?, ?, ?, ?)",
            {std::int64_t{*id}, store.uri, store.sizeMb << 20, store.maxContexts});
        if (!inserted && inserted.error().code == Code::kDbDuplicate)
          return Error(Code::kAdmExists, "file store " + store.uri + " is registered already");
        if (inserted)
          inserted = config.execute(
              "INSERT INTO contexts_per_filestore (filestore_id, count) VALUES (?, 0)",
              {std::int64_t{*id}});
        return inserted ? Status() : Status(inserted.error());
      });
  if (!done) return done.error();
  return registered;
}

Result<std::vector<Filestore>> UtilStorage::listFilestores(const std::string& pattern) {
  auto lease = config();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(
      "SELECT f.id, f.uri, f.size, f.max_context, COALESCE(n.count, 0), "
      "(SELECT COALESCE(SUM(c.quota_max), 0) FROM context c WHERE c.filestore_id = f.id "
      "AND c.quota_max > 0) "
      "FROM filestore f LEFT JOIN contexts_per_filestore n ON n.filestore_id = f.id "
      "WHERE f.uri LIKE ? ORDER BY f.id",
      {likePattern(pattern)});
  if (!rows) return storageError(rows.error(), "listing file stores");
  std::vector<Filestore> out;
  for (const auto& row : *rows) {
    Filestore store;
    store.id = static_cast<std::int32_t>(row.integer(0));
    store.uri = row.text(1);
    store.sizeMb = row.integer(2) >> 20;
    store.maxContexts = row.integer(3);
    store.currentContexts = row.integer(4);
    store.reservedMb = row.integer(5) >> 20;
    out.push_back(std::move(store));
  }
  return out;
}

Status UtilStorage::insertDatabase(db::Connection& config, const Database& database,
                                   std::int32_t id) {
  auto done = config.execute(
      "INSERT INTO db_pool (db_pool_id, url, driver, login, password, hardlimit, max, initial, "
      "name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {std::int64_t{id}, database.url, database.driver, database.user, database.password,
       std::int64_t{database.hardLimit ? 1 : 0}, database.poolMax, database.poolInitial,
       database.name});
  if (!done) return done.error();
  if (!database.master) {
    done = config.execute("UPDATE db_cluster SET read_db_pool_id = ? WHERE write_db_pool_id = ?",
                          {std::int64_t{id}, std::int64_t{database.masterId}});
    if (!done) return done.error();
    if (*done == 0)
      return invalid("there is no master database with id " + std::to_string(database.masterId));
    return {};
  }
  auto cluster = nextConfigId(config);
  if (!cluster) return cluster.error();
  done = config.execute(
      "INSERT INTO db_cluster (cluster_id, read_db_pool_id, write_db_pool_id, weight, max_units) "
      "VALUES (?, 0, ?, ?, ?)",
      {std::int64_t{*cluster}, std::int64_t{id}, database.weight, database.maxUnits});
  if (done)
    done = config.execute("INSERT INTO contexts_per_dbpool (db_pool_id, count) VALUES (?, 0)",
                          {std::int64_t{id}});
  if (done)
    done = config.execute("INSERT INTO dbpool_lock (db_pool_id) VALUES (?)", {std::int64_t{id}});
  return done ? Status() : Status(done.error());
}

Result<std::int32_t> UtilStorage::registerDatabase(const Database& given) {
  Database database = given;
  if (auto wrong = checkDatabase(database); !wrong.empty()) return invalid(wrong);
  if (database.master && database.masterId != 0)
    return invalid("a master database has no master id");
  if (!database.master && database.masterId <= 0)
    return Error(Code::kAdmMissingOption, "a slave database needs the id of its master");
  auto url = databaseUrl(database.host);
  if (!url) return url.error();
  database.url = *url;

  std::int32_t registered = 0;
  const Status done = transact(
      [&] { return config(); }, "registering the database", [&](db::Connection& config) -> Status {
        // First the number: its row makes two calls with one name conflict, at other nodes as well.
        auto id = nextConfigId(config);
        if (!id) return id.error();
        registered = *id;
        auto same = config.query("SELECT db_pool_id FROM db_pool WHERE name = ?", {database.name});
        if (!same) return same.error();
        if (!same->empty())
          return Error(Code::kAdmExists, "a database with the name " + database.name +
                                             " is registered already, its id is " +
                                             same->front().text(0));
        return insertDatabase(config, database, *id);
      });
  if (!done) return done.error();
  announceDatabases(around_);
  return registered;
}

Result<std::vector<Database>> UtilStorage::listDatabases(const std::string& pattern) {
  auto lease = config();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(
      "SELECT p.db_pool_id, p.name, p.url, p.login, p.hardlimit, p.max, p.initial, "
      "m.write_db_pool_id, m.weight, m.max_units, COALESCE(n.count, 0), s.write_db_pool_id "
      "FROM db_pool p LEFT JOIN db_cluster m ON m.write_db_pool_id = p.db_pool_id "
      "LEFT JOIN db_cluster s ON s.read_db_pool_id = p.db_pool_id "
      "LEFT JOIN contexts_per_dbpool n ON n.db_pool_id = p.db_pool_id "
      "WHERE p.name LIKE ? ORDER BY p.db_pool_id",
      {likePattern(pattern)});
  if (!rows) return storageError(rows.error(), "listing databases");
  std::vector<Database> out;
  for (const auto& row : *rows) {
    Database one;
    one.id = static_cast<std::int32_t>(row.integer(0));
    one.name = row.text(1);
    one.url = row.text(2);
    if (auto settings = db::parseJdbcUrl(one.url))
      one.host = settings->host +
                 (settings->port == 3306 ? std::string() : ":" + std::to_string(settings->port));
    one.user = row.text(3);
    one.hardLimit = row.boolean(4);
    one.poolMax = row.integer(5);
    one.poolInitial = row.integer(6);
    one.master = !row.isNull(7);
    one.weight = row.integer(8);
    one.maxUnits = row.integer(9);
    one.currentUnits = row.integer(10);
    one.masterId = one.master ? 0 : static_cast<std::int32_t>(row.integer(11));
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::vector<Database>> UtilStorage::candidates(std::optional<std::int32_t> databaseId) {
  auto all = listDatabases({});
  if (!all) return all;
  std::vector<Database> out;
  bool any = false;
  for (auto& one : *all) {
    if (databaseId && one.id != *databaseId) continue;
    if (databaseId && !one.master) return invalid("database " + std::to_string(one.id) +
                                                  " is a slave and takes no contexts");
    if (databaseId && one.maxUnits <= 0)
      return invalid("database " + std::to_string(one.id) + " must not be used for new contexts");
    if (!one.master || one.maxUnits <= 0) continue;
    any = true;
    if (one.currentUnits < one.maxUnits) out.push_back(std::move(one));
  }
  if (databaseId && !any)
    return invalid("there is no database with id " + std::to_string(*databaseId));
  if (!any) return Error(Code::kAdmStorage, "no database is registered for new contexts");
  if (out.empty())
    return Error(Code::kAdmStorage, "every database has reached its maximum number of contexts");
  std::stable_sort(out.begin(), out.end(), [](const Database& a, const Database& b) {
    return a.currentUnits < b.currentUnits;
  });
  return out;
}

}  // namespace ox::provisioning
