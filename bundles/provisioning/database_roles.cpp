#include "database_roles.h"

#include <algorithm>

namespace ox::provisioning {
namespace {

using Kind = RoleChange::Kind;

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

std::string shown(std::int32_t id) { return "database " + std::to_string(id); }

const Database* byId(const std::vector<Database>& all, std::int32_t id) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [id](const Database& one) { return one.id == id; });
  return found == all.end() ? nullptr : &*found;
}

class Rows {
 public:
  explicit Rows(db::Connection& config) : config_(config) {}
  Rows& run(const std::string& sql, const std::vector<db::Value>& values) {
    if (!status_) return *this;
    auto done = config_.execute(sql, values);
    if (!done) status_ = done.error();
    else changed_ = *done;
    return *this;
  }
  const Status& status() const { return status_; }
  std::uint64_t changed() const { return changed_; }

 private:
  db::Connection& config_;
  Status status_;
  std::uint64_t changed_ = 0;
};

Status contextsOf(db::Connection& config, const std::string& where, const db::Value& id,
                  std::vector<std::int32_t>& out) {
  auto rows = config.query("SELECT DISTINCT cid FROM context_server2db_pool WHERE " + where, {id});
  if (!rows) return rows.error();
  for (const auto& row : *rows) out.push_back(static_cast<std::int32_t>(row.integer(0)));
  return {};
}

// Counters and locks of a master, in the order in which a creation takes them.
constexpr const char* kCounterTables[] = {"dbpool_lock", "dbschema_lock", "contexts_per_dbpool",
                                          "contexts_per_dbschema"};

Status lockMaster(db::Connection& config, std::int32_t id) {
  for (const char* table : kCounterTables) {
    auto locked = config.query(std::string("SELECT 1 FROM ") + table +
                                   " WHERE db_pool_id = ? FOR UPDATE", {std::int64_t{id}});
    if (!locked) return locked.error();
  }
  auto work = config.query("SELECT 1 FROM provisioning_journal WHERE db_pool_id = ? OR "
                           "from_pool_id = ? LIMIT 1", {std::int64_t{id}, std::int64_t{id}});
  if (!work) return work.error();
  if (!work->empty())
    return invalid("contexts or schemas are being created, moved or removed in " + shown(id) +
                   "; try again when that has ended");
  return {};
}

Status promote(db::Connection& config, std::int32_t master, std::int32_t slave,
               std::vector<std::int32_t>& contexts) {
  if (auto locked = lockMaster(config, master); !locked) return locked;
  const db::Value before = std::int64_t{master}, after = std::int64_t{slave};
  if (auto read = contextsOf(config, "write_db_pool_id = ?", before, contexts); !read) return read;
  Rows rows(config);
  rows.run("UPDATE db_cluster SET write_db_pool_id = ?, read_db_pool_id = ? WHERE write_db_pool_id "
           "= ? AND read_db_pool_id = ?", {after, before, before, after});
  if (!rows.status()) return rows.status();
  if (rows.changed() == 0)
    return invalid(shown(slave) + " is not the slave of " + shown(master) + " any more");
  // Who read from the slave reads from the former master; who read from the master reads from the
  // slave, which is the master now.
  rows.run("UPDATE context_server2db_pool SET read_db_pool_id = IF(read_db_pool_id = ?, ?, ?), "
           "write_db_pool_id = ? WHERE write_db_pool_id = ?",
           {after, before, after, after, before});
  for (const std::string table : kCounterTables)
    rows.run("DELETE FROM " + table + " WHERE db_pool_id = ?", {after})
        .run("UPDATE " + table + " SET db_pool_id = ? WHERE db_pool_id = ?", {after, before});
  return rows.status();
}

Status join(db::Connection& config, std::int32_t slave, std::int32_t master,
            std::vector<std::int32_t>& contexts) {
  const db::Value id = std::int64_t{slave}, whom = std::int64_t{master};
  auto former = config.query("SELECT read_db_pool_id FROM db_cluster WHERE write_db_pool_id = ? FOR "
                             "UPDATE", {whom});
  if (!former) return former.error();
  if (former->empty()) return invalid("there is no master " + shown(master));
  Rows rows(config);
  const std::int64_t replaced = former->front().integer(0);
  if (auto read = contextsOf(config, "read_db_pool_id = ?", id, contexts); !read) return read;
  rows.run("UPDATE context_server2db_pool SET read_db_pool_id = write_db_pool_id WHERE "
           "read_db_pool_id = ? AND write_db_pool_id <> ?", {id, whom})
      .run("UPDATE db_cluster SET read_db_pool_id = 0 WHERE read_db_pool_id = ?", {id})
      .run("UPDATE db_cluster SET read_db_pool_id = ? WHERE write_db_pool_id = ?", {id, whom});
  if (rows.status() && replaced != 0 && replaced != slave) {
    // It takes the place of the slave that was there.
    if (auto read = contextsOf(config, "read_db_pool_id = ?", replaced, contexts); !read) return read;
    rows.run("UPDATE context_server2db_pool SET read_db_pool_id = ? WHERE read_db_pool_id = ? AND "
             "write_db_pool_id = ?", {id, replaced, whom});
  }
  return rows.status();
}

// A master that holds nothing; its cluster goes.
Status leave(db::Connection& config, std::int32_t id) {
  if (auto locked = lockMaster(config, id); !locked) return locked;
  for (const auto& [from, what] :
       {std::pair("context_server2db_pool WHERE write_db_pool_id = ?", "contexts"),
        std::pair("contexts_per_dbschema WHERE db_pool_id = ?", "schemas"),
        std::pair("db_cluster WHERE write_db_pool_id = ? AND read_db_pool_id > 0", "a slave")}) {
    auto used = config.query(std::string("SELECT 1 FROM ") + from + " LIMIT 1", {std::int64_t{id}});
    if (!used) return used.error();
    if (!used->empty())
      return invalid(shown(id) + " has " + what + "; a master that is used becomes a slave only of "
                     "its own slave, which takes its place");
  }
  Rows rows(config);
  for (const std::string table : kCounterTables)
    rows.run("DELETE FROM " + table + " WHERE db_pool_id = ?", {std::int64_t{id}});
  return rows.run("DELETE FROM db_cluster WHERE write_db_pool_id = ?", {std::int64_t{id}}).status();
}

Status standAlone(db::Connection& config, const Database& values) {
  const db::Value id = std::int64_t{values.id};
  auto cluster = nextConfigId(config);
  if (!cluster) return cluster.error();
  return Rows(config)
      .run("INSERT INTO db_cluster (cluster_id, read_db_pool_id, write_db_pool_id, weight, "
           "max_units) VALUES (?, 0, ?, ?, ?)",
           {std::int64_t{*cluster}, id, values.weight, values.maxUnits})
      .run("INSERT INTO contexts_per_dbpool (db_pool_id, count) VALUES (?, 0)", {id})
      .run("INSERT INTO dbpool_lock (db_pool_id) VALUES (?)", {id})
      .status();
}

}  // namespace

Result<RoleChange> roleChange(const Database& now, const std::vector<Database>& all,
                              std::optional<bool> master, std::optional<std::int32_t> masterId) {
  RoleChange out;
  if (masterId && master.value_or(now.master))
    return invalid("a master database has no master id; -m false makes a slave of it");
  if (master && *master && !now.master) {
    out.kind = now.masterId != 0 ? Kind::kPromote : Kind::kAlone;
    out.master = now.masterId;
    out.slave = now.id;
    return out;
  }
  if (master && !*master && !masterId && now.master)
    return Error(Code::kAdmMissingOption, "a slave database needs the id of its master (-M)");
  if (!masterId) return out;
  const Database* other = byId(all, *masterId);
  if (other == nullptr || other->id == now.id)
    return invalid("there is no other database with id " + std::to_string(*masterId));
  if (now.master && other->masterId == now.id) {
    out = {Kind::kPromote, now.id, other->id};
    return out;
  }
  if (!other->master) return invalid(shown(other->id) + " is no master");
  out = {Kind::kJoin, other->id, now.id};
  return out;
}

Status applyRole(db::Connection& config, const RoleChange& change, const Database& values,
                 std::vector<std::int32_t>& contexts) {
  switch (change.kind) {
    case Kind::kNone: return {};
    case Kind::kPromote: return promote(config, change.master, change.slave, contexts);
    case Kind::kAlone: return standAlone(config, values);
    case Kind::kJoin:
      if (values.master)
        if (auto left = leave(config, change.slave); !left) return left;
      return join(config, change.slave, change.master, contexts);
  }
  return {};
}

}  // namespace ox::provisioning
