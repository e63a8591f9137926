#include "utf8mb4_task.h"

#include <algorithm>

#include "update_table.h"

namespace ox::update {
namespace {

constexpr std::size_t kNamedTables = 10;  // in a description

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "utf8_unicode_ci" and "utf8mb3_unicode_ci" -> "utf8mb4_unicode_ci"
std::string collationFor(const std::string& old) {
  const std::size_t underscore = old.find('_');
  return "utf8mb4" + (underscore == std::string::npos ? "_unicode_ci" : old.substr(underscore));
}

bool isOldUtf8(const std::string& charset) { return charset == "utf8" || charset == "utf8mb3"; }

std::string definition(const ColumnInfo& column, const std::string& collation) {
  std::string out = quoteName(column.name) + " " + column.type +
                    " CHARACTER SET utf8mb4 COLLATE " + collation;
  out += column.nullable ? " NULL" : " NOT NULL";
  if (column.defaultSql) out += " DEFAULT " + *column.defaultSql;
  if (!column.comment.empty()) out += " COMMENT " + quoteText(column.comment);
  return out;
}

// Length of "varchar(255)", 0 for types without one.
int lengthOf(const std::string& type) {
  const std::size_t open = type.find('(');
  if (open == std::string::npos || type.compare(0, 3, "var") != 0) return 0;
  int n = 0;
  for (std::size_t i = open + 1; i < type.size() && type[i] >= '0' && type[i] <= '9' && n < 100000;
       ++i)
    n = n * 10 + (type[i] - '0');
  return n;
}

// Indexes whose part of a converted column would be longer than the prefix: dropped and added
// again with it. Unique ones stay: a prefix would change what they forbid.
std::string shortenIndexes(const TableInfo& table, const std::vector<std::string>& converted) {
  std::string out;
  for (const IndexInfo& index : table.indexes) {
    if (index.unique) continue;
    bool tooLong = false;
    std::string parts;
    for (const IndexPart& part : index.parts) {
      int prefix = part.prefix;
      if (contains(converted, part.column)) {
        const auto column =
            std::find_if(table.columns.begin(), table.columns.end(),
                         [&](const ColumnInfo& c) { return c.name == part.column; });
        const int whole = column == table.columns.end() ? 0 : lengthOf(column->type);
        if ((prefix > 0 ? prefix : whole) > kUtf8mb4IndexPrefix) {
          prefix = kUtf8mb4IndexPrefix;
          tooLong = true;
        }
      }
      if (!parts.empty()) parts += ", ";
      parts += quoteName(part.column);
      if (prefix > 0) parts += "(" + std::to_string(prefix) + ")";
    }
    if (!tooLong) continue;
    out += ", DROP INDEX " + quoteName(index.name) + ", ADD INDEX " + quoteName(index.name) + " (" +
           parts + ")";
  }
  return out;
}

}  // namespace

std::string utf8mb4Statement(const TableInfo& table, const Utf8mb4Table& wanted) {
  std::string changes;
  std::vector<std::string> converted;
  for (const ColumnInfo& column : table.columns) {
    if (column.charset.empty() || contains(wanted.keptColumns, column.name)) continue;
    const bool binary = contains(wanted.binaryColumns, column.name);
    const bool old = isOldUtf8(column.charset);
    if (!old && !(binary && column.charset == "utf8mb4" && column.collation != "utf8mb4_bin"))
      continue;
    const std::string collation = binary ? "utf8mb4_bin" : collationFor(column.collation);
    changes += ", MODIFY COLUMN " + definition(column, collation);
    converted.push_back(column.name);
  }
  const bool oldDefault = table.collation.compare(0, 7, "utf8mb4") != 0;
  const bool oldRows = table.rowFormat == "Compact" || table.rowFormat == "Redundant";
  if (changes.empty() && !oldDefault && !oldRows) return {};
  return "ALTER TABLE " + quoteName(table.name) +
         " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci" +
         (oldRows ? ", ROW_FORMAT=DYNAMIC" : "") + changes + shortenIndexes(table, converted);
}

std::string Utf8mb4Task::description() const {
  if (tables_.size() > kNamedTables)
    return "converts " + tables_.front().name + " and " + std::to_string(tables_.size() - 1) +
           " further tables to utf8mb4";
  std::string names;
  for (const Utf8mb4Table& table : tables_) names += (names.empty() ? "" : ", ") + table.name;
  return "converts " + names + " to utf8mb4";
}

Status Utf8mb4Task::perform(services::UpdateContext& context) {
  for (const Utf8mb4Table& wanted : tables_) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    auto table = readTable(context.connection, wanted.name);
    if (!table) return table.error();
    if (!*table) continue;  // not part of this installation
    const std::string sql = utf8mb4Statement(**table, wanted);
    if (sql.empty()) continue;
    auto done = services::changeTable(context, sql);
    if (!done && done.error().code == Code::kBusy) return done.error();
    if (!done) return updateSqlError(done.error(), "converting table " + wanted.name);
    context.progress("table " + wanted.name + " is utf8mb4 now");
  }
  auto collation = context.connection.query(
      "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = "
      "DATABASE()");
  if (!collation) return updateSqlError(collation.error(), "reading the schema's character set");
  if (!collation->empty() && isOldUtf8(collation->front().text(0))) {
    auto done = context.connection.execute(
        "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    if (!done) return updateSqlError(done.error(), "changing the schema's character set");
  }
  return {};
}

Result<std::vector<std::string>> Utf8mb4Task::preview(services::UpdateContext& context) {
  std::vector<std::string> out;
  for (const Utf8mb4Table& wanted : tables_) {
    auto table = readTable(context.connection, wanted.name);
    if (!table) return table.error();
    if (!*table) continue;
    if (std::string sql = utf8mb4Statement(**table, wanted); !sql.empty())
      out.push_back(std::move(sql));
  }
  return out;
}

}  // namespace ox::update
