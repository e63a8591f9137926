#include "ddl.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include "update_table.h"

namespace ox::update {
namespace {

constexpr int kLockWaitTimeout = 1205;
constexpr int kUnknownAlgorithm = 1800;
constexpr int kNotSupported = 1845;
constexpr int kNotSupportedReason = 1846;
constexpr int kSyntax = 1064;  // MySQL before 8.0.12 does not know INSTANT

// Words of a statement in upper case, names without quotes; texts and comments left out.
class Words {
 public:
  explicit Words(std::string_view sql) : sql_(sql) {}
  // Empty at the end. A quoted name keeps its case and is never a keyword.
  std::string next(bool upper = true) {
    quoted_ = false;
    for (;;) {
      while (at_ < sql_.size() && !isWord(sql_[at_]) && !isQuote(sql_[at_])) ++at_;
      if (at_ >= sql_.size()) return {};
      const char c = sql_[at_];
      if (c == '\'' || c == '"') {
        skip(c);
        continue;
      }
      if (c == '`') {
        quoted_ = true;
        return name();
      }
      std::string word;
      while (at_ < sql_.size() && isWord(sql_[at_])) {
        const char one = sql_[at_++];
        word += upper && one >= 'a' && one <= 'z' ? static_cast<char>(one - 'a' + 'A') : one;
      }
      return word;
    }
  }
  bool quoted() const { return quoted_; }
  std::size_t position() const { return at_; }
  char following() const {  // the next character that is no blank
    std::size_t i = at_;
    while (i < sql_.size() && (sql_[i] == ' ' || sql_[i] == '\n' || sql_[i] == '\t')) ++i;
    return i < sql_.size() ? sql_[i] : '\0';
  }

 private:
  static bool isWord(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || static_cast<unsigned char>(c) >= 0x80;
  }
  static bool isQuote(char c) { return c == '\'' || c == '"' || c == '`'; }
  void skip(char quote) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] == '\\') ++at_;
      else if (sql_[at_] == quote) break;
    }
    if (at_ < sql_.size()) ++at_;
  }
  std::string name() {
    std::string out;
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] == '`') {
        ++at_;
        if (at_ >= sql_.size() || sql_[at_] != '`') break;
      }
      out += sql_[at_];
    }
    return out;
  }
  std::string_view sql_;
  std::size_t at_ = 0;
  bool quoted_ = false;
};

// The name that follows, "schema.table" gives the table.
std::string tableName(Words& words) {
  std::string name = words.next(false);
  if (words.following() == '.') name = words.next(false);
  return name;
}

void readOptions(std::string_view sql, DdlTarget& out) {
  Words words(sql);
  for (std::string word = words.next(); !word.empty() || words.quoted(); word = words.next()) {
    if (words.quoted() || (word != "ALGORITHM" && word != "LOCK") || words.following() != '=')
      continue;
    out.chosen = true;
    if (word != "ALGORITHM") continue;
    Words ahead = words;
    const std::string way = ahead.next();
    out.copies = way != "INSTANT" && way != "NOCOPY";
  }
}

struct Way {
  const char* algorithm;
  const char* lock;  // empty = not given
  bool copies;       // may need room for a second table
};
constexpr std::array<Way, 5> kWays = {{{"INSTANT", "", false},
                                       {"NOCOPY", "NONE", false},
                                       {"INPLACE", "NONE", true},
                                       {"INPLACE", "SHARED", true},
                                       {"COPY", "SHARED", true}}};

bool refusedWay(int number) {
  return number == kNotSupported || number == kNotSupportedReason || number == kUnknownAlgorithm ||
         number == kSyntax;
}

// What information_schema tells of an InnoDB table comes from here; a look there opens the table and
// costs ten times as much.
void readStatistics(db::Connection& connection, const std::vector<std::string>& tables,
                    std::vector<std::optional<TableSize>>& out) {
  std::string sql = "SELECT table_name, (clustered_index_size + sum_of_other_index_sizes) * "
                    "@@innodb_page_size, n_rows FROM mysql.innodb_table_stats WHERE database_name = "
                    "DATABASE() AND table_name IN (";
  std::vector<db::Value> values;
  for (const std::string& table : tables) {
    sql += values.empty() ? "?" : ", ?";
    values.emplace_back(table);
  }
  auto rows = connection.query(sql + ")", values);
  if (!rows) return;  // an account without rights there
  for (const db::Row& row : *rows)
    for (std::size_t i = 0; i < tables.size(); ++i)
      if (tables[i] == row.text(0)) out[i] = TableSize{row.integer(1), row.integer(2)};
}

// Who holds the table? The oldest transactions are the usual answer.
std::string oldestTransactions(db::Connection& connection) {
  auto rows = connection.query(
      "SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, NOW()) FROM "
      "information_schema.INNODB_TRX WHERE trx_mysql_thread_id <> CONNECTION_ID() ORDER BY "
      "trx_started LIMIT 3");
  if (!rows || rows->empty()) return {};
  std::string out = "; oldest transactions:";
  for (const db::Row& row : *rows)
    out += " connection " + row.text(0) + " (" + row.text(1) + " s)";
  return out;
}

// One way, asked for again while the table is in use.
Result<std::uint64_t> tryLocked(db::Connection& connection, const std::string& sql,
                                const std::string& what, const DdlSettings& settings) {
  for (int i = settings.only.value_or(1);; ++i) {
    auto done = connection.execute(sql);
    if (done || connection.sqlError() != kLockWaitTimeout) return done;
    const std::string waited = what + " is in use; waited " +
                               std::to_string(settings.lockWaitSeconds) + " s for its lock, try " +
                               std::to_string(i) + " of " + std::to_string(settings.tries) +
                               oldestTransactions(connection);
    settings.progress(waited);
    if (settings.only || i >= settings.tries || settings.stop()) return Error(Code::kBusy, waited);
    std::this_thread::sleep_for(std::chrono::milliseconds(kDdlPauseMillis));
  }
}

}  // namespace

std::optional<DdlTarget> ddlTarget(std::string_view sql) {
  Words words(sql);
  std::string word = words.next();
  if (words.quoted()) return std::nullopt;
  DdlTarget out;
  if (word == "ALTER") {
    do word = words.next();
    while (!words.quoted() && (word == "ONLINE" || word == "IGNORE"));
    if (word != "TABLE") return std::nullopt;
    Words ahead = words;
    if (ahead.next() == "IF" && !ahead.quoted() && ahead.next() == "EXISTS") words = ahead;
    out.table = tableName(words);
  } else if (word == "CREATE") {
    do word = words.next();
    while (!words.quoted() && (word == "OR" || word == "REPLACE" || word == "ONLINE" ||
                               word == "OFFLINE" || word == "UNIQUE" || word == "FULLTEXT" ||
                               word == "SPATIAL"));
    if (word != "INDEX") return std::nullopt;
    while (!(word = words.next()).empty() || words.quoted())
      if (word == "ON" && !words.quoted()) break;
    out.table = tableName(words);
    out.createIndex = true;
  }
  if (out.table.empty()) return std::nullopt;
  readOptions(sql, out);
  return out;
}

bool changesRows(std::string_view sql) {
  Words words(sql);
  const std::string word = words.next();
  return !words.quoted() &&
         (word == "INSERT" || word == "UPDATE" || word == "DELETE" || word == "REPLACE");
}

std::string clusterNote(const db::GaleraState& galera, std::string_view way) {
  if (!galera.on || galera.schemaUpgrade != "TOI" || way.starts_with("INSTANT")) return {};
  return "Galera (wsrep_OSU_method=TOI): the whole cluster writes nothing until it is done, and "
         "transactions that use the table are rolled back";
}

std::string expectedLock(std::string_view sql) {
  const auto target = ddlTarget(sql);
  if (!target) return {};
  if (target->chosen) return "as the statement says";
  if (target->createIndex) return "INPLACE, LOCK=NONE";
  // The worst of what the clauses need.
  int worst = 0;
  Words words(sql);
  std::string before;
  for (std::string word = words.next(); !word.empty() || words.quoted(); word = words.next()) {
    if (words.quoted()) continue;
    if (word == "MODIFY" || word == "CHANGE" || word == "CONVERT" || word == "ENGINE") worst = 3;
    if (word == "PRIMARY" && worst < 2) worst = before == "DROP" ? 3 : 2;
    if ((word == "INDEX" || word == "KEY" || word == "UNIQUE") && worst < 1) worst = 1;
    if (word == "FULLTEXT" || word == "SPATIAL") worst = std::max(worst, 2);
    before = word;
  }
  constexpr std::array<const char*, 4> kShown = {"INSTANT", "INPLACE, LOCK=NONE",
                                                 "INPLACE, LOCK=SHARED", "COPY, LOCK=SHARED"};
  return kShown[static_cast<std::size_t>(worst)];
}

Result<std::optional<TableSize>> tableSize(db::Connection& connection, const std::string& table) {
  auto sizes = tableSizes(connection, {table});
  if (!sizes) return sizes.error();
  return sizes->front();
}

Result<std::vector<std::optional<TableSize>>> tableSizes(db::Connection& connection,
                                                         const std::vector<std::string>& tables) {
  std::vector<std::optional<TableSize>> out(tables.size());
  readStatistics(connection, tables, out);
  // The rest: no InnoDB, partitioned, without kept statistics, or those may not be read.
  std::string sql;
  std::vector<db::Value> values;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (out[i]) continue;
    // A name that is compared with `=` is looked up, a list of names would read the whole schema.
    if (!sql.empty()) sql += " UNION ALL ";
    sql += "SELECT " + std::to_string(i) + ", COALESCE(DATA_LENGTH + INDEX_LENGTH, 0), "
           "COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
           "TABLE_NAME = ? AND TABLE_TYPE = 'BASE TABLE'";
    values.emplace_back(tables[i]);
  }
  if (sql.empty()) return out;
  auto rows = connection.query(sql, values);
  if (!rows) return updateSqlError(rows.error(), "reading the size of table " + tables.front());
  for (const db::Row& row : *rows)
    out.at(static_cast<std::size_t>(row.integer(0))) = TableSize{row.integer(1), row.integer(2)};
  return out;
}

std::optional<std::int64_t> freeDisk(db::Connection& connection) {
  // MariaDB with the plugin DISKS knows; the longest path that contains the data directory counts.
  auto disks = connection.query(
      "SELECT Available * 1024 FROM information_schema.DISKS WHERE @@datadir LIKE CONCAT(Path, "
      "'%') ORDER BY LENGTH(Path) DESC LIMIT 1");
  if (disks && !disks->empty()) return disks->front().integer(0);
  auto place = connection.query("SELECT @@hostname, @@datadir");
  std::array<char, 256> host{};
  if (!place || gethostname(host.data(), host.size() - 1) != 0 ||
      place->front().text(0) != host.data())
    return std::nullopt;
  struct statvfs disk {};
  if (statvfs(place->front().text(1).c_str(), &disk) != 0) return std::nullopt;
  return static_cast<std::int64_t>(disk.f_bavail) * static_cast<std::int64_t>(disk.f_frsize);
}

std::string shownBytes(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

namespace {

// Too little disk for a copy of the table is an error before anything is done; else what is free.
Result<std::optional<std::int64_t>> checkRoom(db::Connection& connection, const std::string& what,
                                              std::int64_t bytes, const DdlSettings& settings) {
  const auto room = settings.freeDisk(connection);
  const std::int64_t needed = bytes + bytes / 100 * kCopyReservePercent;
  if (room && *room < needed)
    return Error(Code::kUpdTaskFailed, what + " has " + shownBytes(bytes) + "; changing it may "
                 "need " + shownBytes(needed) + " for a copy, but only " + shownBytes(*room) +
                 " are free on the disk of the database");
  return room;
}

std::string shownRoom(const std::optional<std::int64_t>& room) {
  return room ? ", " + shownBytes(*room) + " free" : ", free disk unknown";
}

}  // namespace

Result<std::uint64_t> changeTable(db::Connection& connection, const std::string& sql,
                                  const DdlSettings& settings) {
  const auto target = ddlTarget(sql);
  if (!target) return tryLocked(connection, sql, "what the statement needs", settings);
  const std::string what = "table " + target->table;
  auto size = settings.size(connection, target->table);
  if (!size) return size.error();
  const std::int64_t bytes = *size ? (*size)->bytes : 0;
  const db::GaleraState galera = db::galeraState(connection);
  const auto noted = [&](const std::string& line, std::string_view way) {
    const std::string note = clusterNote(galera, way);
    settings.progress(note.empty() ? line : line + "; " + note);
  };
  if (bytes < kSmallTableBytes) {
    noted(what + ", " + shownBytes(bytes) + ": " +
              (target->chosen ? "ALGORITHM and LOCK as the statement says"
                              : "small, the server chooses"),
          {});
    return tryLocked(connection, sql, what, settings);
  }
  const std::string big =
      what + ", " + shownBytes(bytes) + " in about " + std::to_string((*size)->rows) + " rows";
  std::optional<std::int64_t> room;
  if (target->chosen) {
    if (target->copies) {
      auto checked = checkRoom(connection, what, bytes, settings);
      if (!checked) return checked.error();
      room = *checked;
    }
    noted(big + (target->copies ? shownRoom(room) : std::string()) +
              ": ALGORITHM and LOCK as the statement says",
          {});
    return tryLocked(connection, sql, what, settings);
  }
  bool roomKnown = false;
  for (const Way& way : kWays) {
    if (way.copies && !roomKnown) {
      auto checked = checkRoom(connection, what, bytes, settings);
      if (!checked) return checked.error();
      room = *checked;
      roomKnown = true;
    }
    std::string clause = std::string(target->createIndex ? " ALGORITHM=" : ", ALGORITHM=") +
                         way.algorithm;
    if (*way.lock != '\0')
      clause += std::string(target->createIndex ? " LOCK=" : ", LOCK=") + way.lock;
    noted(big + (way.copies ? shownRoom(room) : std::string()) + ":" +
              (target->createIndex ? clause : clause.substr(1)),
          way.algorithm);
    auto done = tryLocked(connection, sql + clause, what, settings);
    if (done || !refusedWay(connection.sqlError())) return done;
  }
  settings.progress(big + shownRoom(room) + ": the server chooses");
  return tryLocked(connection, sql, what, settings);
}

}  // namespace ox::update
