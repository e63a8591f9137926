#include "copy_run.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "base/random.h"
#include "lease_keeper.h"
#include "tasks/table_info.h"
#include "update_table.h"

namespace ox::update {
namespace {

// Tables of the runner itself: a copy has leases of its own, and no history.
const std::set<std::string> kOwnTables = {"updateTaskLease", "updateTaskRun"};

struct Column {
  std::string name;
  bool generated = false;
};
struct Table {
  std::vector<Column> columns;
  std::int64_t rows = 0;
  std::string checksum;
};
using Tables = std::map<std::string, Table>;

Error failed(const Error& error, const std::string& what) {
  return updateSqlError(error, "rehearsal on a copy: " + what);
}

Result<Tables> readTables(db::Connection& c) {
  auto rows = c.query(
      "SELECT t.TABLE_NAME, k.COLUMN_NAME, k.EXTRA FROM information_schema.TABLES t JOIN "
      "information_schema.COLUMNS k ON k.TABLE_SCHEMA = t.TABLE_SCHEMA AND k.TABLE_NAME = "
      "t.TABLE_NAME WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY "
      "t.TABLE_NAME, k.ORDINAL_POSITION");
  if (!rows) return failed(rows.error(), "reading the tables");
  Tables out;
  for (const db::Row& row : *rows) {
    if (kOwnTables.count(row.text(0)) != 0) continue;
    const bool generated = row.text(2).find("GENERATED") != std::string::npos &&
                           row.text(2).find("DEFAULT_GENERATED") == std::string::npos;
    out[row.text(0)].columns.push_back({row.text(1), generated});
  }
  if (out.size() > kMaxCopyTables)
    return Error(Code::kUpdFailed, "rehearsal on a copy: more than " +
                                       std::to_string(kMaxCopyTables) + " tables");
  return out;
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> out;
  for (const Column& column : table.columns) out.push_back(column.name);
  return out;
}

// Rows, and a checksum that does not depend on their order.
Status measure(db::Connection& c, const std::string& name, const std::vector<std::string>& columns,
               Table& table) {
  std::string parts;
  for (const std::string& column : columns) {
    const std::string quoted = quoteName(column);
    parts += ", ISNULL(" + quoted + "), HEX(CONVERT(" + quoted + " USING utf8mb4))";
  }
  const std::string row = "MD5(CONCAT_WS('#', ''" + parts + "))";
  // The lock rows come and go with every run.
  const std::string where =
      name == "updateTask" ? " WHERE taskName NOT IN ('LOCKED', 'BACKGROUND')" : "";
  auto sums = c.query("SELECT COUNT(*), BIT_XOR(CAST(CONV(SUBSTRING(" + row +
                      ", 1, 16), 16, 10) AS UNSIGNED)), SUM(CRC32(" + row + ")) FROM " +
                      quoteName(name) + where);
  if (!sums) return failed(sums.error(), "reading table " + name);
  table.rows = sums->front().integer(0);
  table.checksum = sums->front().text(1) + "/" + sums->front().text(2);
  return {};
}

class Copy {
 public:
  Copy(services::DatabaseService& database, CopyStore& store, const services::SchemaRef& source)
      : database_(database), store_(store), source_(source),
        ref_{source.writePoolId, kCopyPrefix + secureHex(8)} {}
  ~Copy() {
    if (!named_) return;
    if (Status dropped = store_.drop(ref_); !dropped)
      log::warn("the copy " + ref_.schema + " of schema " + source_.schema +
                " could not be dropped (runupdate --remove-copies does it later): " +
                dropped.error().toString());
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  const services::SchemaRef& ref() const { return ref_; }
  Status name() {
    if (Status s = store_.announce(ref_, source_.schema); !s) return s;
    named_ = true;
    return {};
  }
  Status fill(db::Connection& from, const Tables& tables) {
    auto server = database_.pool(ref_.writePoolId);
    if (!server) return failed(server.error(), "connecting");
    auto charset = from.query(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM "
        "information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()");
    if (!charset || charset->empty())
      return Error(Code::kUpdFailed, "rehearsal on a copy: the schema's character set is unknown");
    auto made = (*server)->execute("CREATE DATABASE " + quoteName(ref_.schema) +
                                   " CHARACTER SET " + charset->front().text(0) + " COLLATE " +
                                   charset->front().text(1));
    if (!made) return failed(made.error(), "creating " + ref_.schema);
    auto to = database_.schemaWrite(ref_, true);
    if (!to) return failed(to.error(), "connecting to " + ref_.schema);
    // References among the tables are created in any order; reading takes no locks.
    for (const char* sql : {"SET SESSION foreign_key_checks = 0",
                            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"})
      if (auto set = (*to)->execute(sql); !set) return failed(set.error(), sql);
    for (const auto& [name, table] : tables) {
      auto definition = from.query("SHOW CREATE TABLE " + quoteName(name));
      if (!definition || definition->empty() || definition->front().size() < 2)
        return Error(Code::kUpdFailed, "rehearsal on a copy: no definition of table " + name);
      if (auto done = (*to)->execute(definition->front().text(1)); !done)
        return failed(done.error(), "creating table " + name);
    }
    for (const auto& [name, table] : tables)
      if (Status s = copyRows(**to, name, table); !s) return s;
    auto unlocked = (*to)->execute(
        "DELETE FROM updateTask WHERE taskName IN ('LOCKED', 'BACKGROUND')");
    if (!unlocked && tables.count("updateTask") != 0)
      return failed(unlocked.error(), "removing lock rows of the copy");
    return {};
  }

 private:
  Status copyRows(db::Connection& to, const std::string& name, const Table& table) {
    std::string columns;
    for (const Column& column : table.columns)
      if (!column.generated) columns += (columns.empty() ? "" : ", ") + quoteName(column.name);
    auto done = to.execute("INSERT INTO " + quoteName(name) + " (" + columns + ") SELECT " +
                           columns + " FROM " + quoteName(source_.schema) + "." + quoteName(name));
    return done ? Status() : Status(failed(done.error(), "copying table " + name));
  }

  services::DatabaseService& database_;
  CopyStore& store_;
  const services::SchemaRef source_;
  const services::SchemaRef ref_;
  bool named_ = false;
};

// What became of one table that was there before.
Status compare(db::Connection& c, const std::string& name, const Table& before, const Tables& after,
               TableComparison& out) {
  const auto now = after.find(name);
  out.table = name;
  out.rowsBefore = before.rows;
  out.gone = now == after.end();
  if (out.gone) return {};
  const std::vector<std::string> had = names(before), has = names(now->second);
  std::vector<std::string> both;
  for (const std::string& column : had)
    (std::find(has.begin(), has.end(), column) != has.end() ? both : out.removed)
        .push_back(column);
  for (const std::string& column : has)
    if (std::find(had.begin(), had.end(), column) == had.end()) out.added.push_back(column);
  Table measured;
  if (Status s = measure(c, name, both, measured); !s) return s;
  out.rowsAfter = measured.rows;
  out.sameData = out.removed.empty() && measured.checksum == before.checksum;
  return {};
}

Status checkRoom(db::Connection& from, std::int64_t& bytes) {
  auto size = from.query(
      "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE "
      "TABLE_SCHEMA = DATABASE()");
  if (!size) return failed(size.error(), "reading the size");
  bytes = size->front().integer(0);
  const auto room = freeDisk(from);
  if (room && *room < bytes * 2)
    return Error(Code::kUpdFailed, "rehearsal on a copy: the schema has " + shownBytes(bytes) +
                                       ", twice of that must be free on the disk of the database, "
                                       "but it is " + shownBytes(*room));
  return {};
}

}  // namespace

Result<CopyReport> runOnCopy(services::DatabaseService& database, const services::SchemaRef& schema,
                             const CopyRunner& run, CopyStore& store, std::int64_t beatMillis,
                             Clock& clock) {
  auto from = database.schemaWrite(schema, true);
  if (!from) return failed(from.error(), "connecting to schema " + schema.schema);
  CopyReport out;
  auto removed = store.removeDead();
  if (!removed) return removed.error();
  out.removed = std::move(*removed);
  if (Status s = checkRoom(**from, out.bytes); !s) return s.error();
  auto tables = readTables(**from);
  if (!tables) return tables.error();
  Copy copy(database, store, schema);
  if (Status s = copy.name(); !s) return s.error();
  // Ends before the copy is dropped.
  const LeaseKeeper keeper(beatMillis, [&store, &copy] {
    if (Status s = store.refresh(copy.ref()); !s) log::warn(s.error().toString());
  });
  log::info("Rehearsal of the updates of schema " + schema.schema + " on its copy " +
            copy.ref().schema + ", " + shownBytes(out.bytes));
  const std::int64_t began = clock.steadyMillis();
  if (Status s = copy.fill(**from, *tables); !s) return s.error();
  out.copyMillis = clock.steadyMillis() - began;
  auto there = database.schemaWrite(copy.ref(), true);
  if (!there) return failed(there.error(), "connecting to the copy");
  for (auto& [name, table] : *tables)
    if (Status s = measure(**there, name, names(table), table); !s) return s.error();
  const std::int64_t running = clock.steadyMillis();
  auto report = run(copy.ref());
  if (!report) return report.error();
  out.runMillis = clock.steadyMillis() - running;
  out.run = std::move(*report);
  auto after = readTables(**there);
  if (!after) return after.error();
  for (const auto& [name, table] : *tables) {
    TableComparison one;
    if (Status s = compare(**there, name, table, *after, one); !s) return s.error();
    out.tables.push_back(std::move(one));
  }
  for (const auto& [name, table] : *after) {
    if (tables->count(name) != 0) continue;
    TableComparison one;
    one.table = name;
    one.created = true;
    out.tables.push_back(std::move(one));
  }
  return out;
}

}  // namespace ox::update
