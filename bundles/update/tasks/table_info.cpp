#include "table_info.h"

#include <algorithm>

#include "update_table.h"

namespace ox::update {
namespace {

// MariaDB (10.2.7 and later) shows a default as SQL, MySQL as bare text.
Result<bool> defaultsAreSql(db::Connection& connection) {
  auto rows = connection.query("SELECT VERSION()");
  if (!rows) return updateSqlError(rows.error(), "asking for the server's version");
  return !rows->empty() && rows->front().text(0).find("MariaDB") != std::string::npos;
}

}  // namespace

std::string quoteName(const std::string& name) {
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out += '`';
    out += c;
  }
  return out + "`";
}

std::string quoteText(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

const ColumnInfo* TableInfo::column(const std::string& wanted) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const ColumnInfo& c) { return c.name == wanted; });
  return found == columns.end() ? nullptr : &*found;
}

const IndexInfo* TableInfo::index(const std::string& wanted) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(),
                                  [&](const IndexInfo& i) { return i.name == wanted; });
  return found == indexes.end() ? nullptr : &*found;
}

bool TableInfo::hasColumn(const std::string& wanted) const { return column(wanted) != nullptr; }

Result<std::optional<TableInfo>> readTable(db::Connection& connection, const std::string& table) {
  const std::string what = "reading the definition of table " + table;
  auto found = connection.query(
      "SELECT TABLE_NAME, TABLE_COLLATION, ROW_FORMAT FROM information_schema.TABLES WHERE "
      "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND TABLE_TYPE = 'BASE TABLE'",
      {table});
  if (!found) return updateSqlError(found.error(), what);
  if (found->empty()) return std::optional<TableInfo>{};
  auto asSql = defaultsAreSql(connection);
  if (!asSql) return asSql.error();
  TableInfo out;
  out.name = found->front().text(0);
  out.collation = found->front().text(1);
  out.rowFormat = found->front().text(2);
  auto columns = connection.query(
      "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, "
      "COLUMN_DEFAULT, COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
      "DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
      {table});
  if (!columns) return updateSqlError(columns.error(), what);
  for (const db::Row& row : *columns) {
    ColumnInfo column{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4) == "YES",
                      std::nullopt, row.text(6)};
    if (!row.isNull(5)) column.defaultSql = *asSql ? row.text(5) : quoteText(row.text(5));
    out.columns.push_back(std::move(column));
  }
  auto indexes = connection.query(
      "SELECT INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS "
      "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX",
      {table});
  if (!indexes) return updateSqlError(indexes.error(), what);
  for (const db::Row& row : *indexes) {
    if (out.indexes.empty() || out.indexes.back().name != row.text(0))
      out.indexes.push_back({row.text(0), row.integer(1) == 0, {}});
    out.indexes.back().parts.push_back({row.text(2), static_cast<int>(row.integer(3))});
  }
  return std::optional<TableInfo>(std::move(out));
}

}  // namespace ox::update
