#include "counts.h"

#include "base/log.h"

namespace ox::provisioning {
namespace {

// Rows that belong to no master database (or to no file store) go first.
constexpr const char* kStrays[] = {
    "DELETE FROM contexts_per_dbpool WHERE db_pool_id NOT IN "
    "(SELECT write_db_pool_id FROM db_cluster)",
    "DELETE FROM dbpool_lock WHERE db_pool_id NOT IN (SELECT write_db_pool_id FROM db_cluster)",
    "DELETE FROM contexts_per_dbschema WHERE db_pool_id NOT IN "
    "(SELECT write_db_pool_id FROM db_cluster)",
    "DELETE FROM dbschema_lock WHERE db_pool_id NOT IN (SELECT write_db_pool_id FROM db_cluster)",
    "DELETE FROM contexts_per_filestore WHERE filestore_id NOT IN (SELECT id FROM filestore)"};

// Locks are taken in the order of a creation.
constexpr const char* kLocks[] = {
    "SELECT db_pool_id FROM dbpool_lock ORDER BY db_pool_id FOR UPDATE",
    "SELECT db_pool_id FROM dbschema_lock ORDER BY db_pool_id, schemaname FOR UPDATE",
    "SELECT db_pool_id FROM contexts_per_dbpool ORDER BY db_pool_id FOR UPDATE",
    "SELECT db_pool_id FROM contexts_per_dbschema ORDER BY db_pool_id, schemaname FOR UPDATE",
    "SELECT filestore_id FROM contexts_per_filestore ORDER BY filestore_id FOR UPDATE"};

struct Counter {
  const char* what;
  const char* compare;  // id, name, stored (NULL = no row), actual
  const char* correct;  // actual, id, name
};
constexpr Counter kCounters[] = {
    {"database",
     "SELECT c.write_db_pool_id, '', n.count, (SELECT COUNT(*) FROM context_server2db_pool s "
     "WHERE s.write_db_pool_id = c.write_db_pool_id) FROM db_cluster c "
     "LEFT JOIN contexts_per_dbpool n ON n.db_pool_id = c.write_db_pool_id ORDER BY 1",
     "INSERT INTO contexts_per_dbpool (count, db_pool_id) SELECT a.n, a.id FROM "
     "(SELECT ? AS n, ? AS id, ? AS name) a ON DUPLICATE KEY UPDATE count = a.n"},
    {"schema",
     "SELECT k.pool, k.name, n.count, (SELECT COUNT(*) FROM context_server2db_pool s "
     "WHERE s.write_db_pool_id = k.pool AND s.db_schema = k.name) FROM "
     "(SELECT db_pool_id AS pool, schemaname AS name FROM contexts_per_dbschema UNION "
     "SELECT write_db_pool_id, db_schema FROM context_server2db_pool) k "
     "LEFT JOIN contexts_per_dbschema n ON n.db_pool_id = k.pool AND n.schemaname = k.name "
     "ORDER BY 1, 2",
     "INSERT INTO contexts_per_dbschema (count, db_pool_id, schemaname, creating_date) "
     "SELECT a.n, a.id, a.name, 0 FROM (SELECT ? AS n, ? AS id, ? AS name) a "
     "ON DUPLICATE KEY UPDATE count = a.n"},
    {"file store",
     "SELECT f.id, '', n.count, (SELECT COUNT(*) FROM context c WHERE c.filestore_id = f.id) "
     "FROM filestore f LEFT JOIN contexts_per_filestore n ON n.filestore_id = f.id ORDER BY 1",
     "INSERT INTO contexts_per_filestore (count, filestore_id) SELECT a.n, a.id FROM "
     "(SELECT ? AS n, ? AS id, ? AS name) a ON DUPLICATE KEY UPDATE count = a.n"}};

Status correct(db::Connection& config, std::vector<std::string>& out) {
  for (const char* lock : kLocks)
    if (auto locked = config.query(lock); !locked) return locked.error();
  for (const char* stray : kStrays) {
    auto gone = config.execute(stray);
    if (!gone) return gone.error();
    if (*gone > 0)
      out.push_back(std::to_string(*gone) + " rows of databases or file stores that do not exist "
                    "or are no masters were removed");
  }
  for (const Counter& counter : kCounters) {
    auto rows = config.query(counter.compare);
    if (!rows) return rows.error();
    for (const auto& row : *rows) {
      const std::int64_t actual = row.integer(3);
      if (!row.isNull(2) && row.integer(2) == actual) continue;
      auto set = config.execute(counter.correct, {actual, row.integer(0), row.text(1)});
      if (!set) return set.error();
      out.push_back(std::string(counter.what) + " " +
                    (row.text(1).empty() ? row.text(0) : row.text(1)) + ": counter was " +
                    (row.isNull(2) ? "missing" : row.text(2)) + ", is " + std::to_string(actual));
    }
  }
  for (const char* missing :
       {"INSERT IGNORE INTO dbpool_lock SELECT db_pool_id FROM contexts_per_dbpool",
        "INSERT IGNORE INTO dbschema_lock SELECT db_pool_id, schemaname "
        "FROM contexts_per_dbschema"})
    if (auto added = config.execute(missing); !added) return added.error();
  return {};
}

}  // namespace

Result<std::vector<std::string>> checkCounts(UtilStorage& util) {
  std::vector<std::string> out;
  auto done = transact([&] { return util.config(); }, "checking the counters",
                       [&](db::Connection& config) {
                         out.clear();
                         return correct(config, out);
                       });
  if (!done) return done.error();
  for (const auto& one : out) log::warn("counters: " + one);
  return out;
}

}  // namespace ox::provisioning
