#include "payload.h"

#include <algorithm>

#include "base/check.h"
#include "database/statement.h"

namespace ox::provisioning {
namespace {

constexpr std::uint64_t kDeletePortion = 5000;
constexpr std::uint64_t kCopyPortion = 1000;  // rows read at a time
constexpr std::size_t kInsertRows = 100;      // rows of one INSERT
constexpr std::size_t kInsertBytes = 1U << 20;

std::string quoted(const std::string& name) { return "`" + name + "`"; }

Result<std::vector<std::string>> columnsOf(db::Connection& schema, const std::string& table) {
  auto rows = schema.query(
      "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() "
      "AND TABLE_NAME = ? AND EXTRA NOT LIKE '%GENERATED%' ORDER BY ORDINAL_POSITION", {table});
  if (!rows) return rows.error();
  std::vector<std::string> out;
  for (const auto& row : *rows) {
    if (!db::isSchemaName(row.text(0)))
      return Error(Code::kAdmStorage, "table " + table + " has a column that cannot be copied: " +
                                          row.text(0));
    out.push_back(row.text(0));
  }
  return out;
}

Status insertRows(db::Connection& to, const std::string& head, const std::string& places,
                  const std::vector<db::Row>& rows, std::size_t columns) {
  for (std::size_t at = 0; at < rows.size();) {
    std::string sql = head;
    std::vector<db::Value> values;
    std::size_t bytes = 0;
    for (std::size_t n = 0; at < rows.size() && n < kInsertRows && bytes < kInsertBytes;
         ++n, ++at) {
      sql += (n == 0 ? "" : ", ") + places;
      for (std::size_t c = 0; c < columns; ++c) {
        if (rows[at].isNull(c)) {
          values.emplace_back(std::monostate());
          continue;
        }
        values.emplace_back(rows[at].text(c));
        bytes += rows[at].text(c).size();
      }
    }
    if (auto done = to.execute(sql, values); !done) return done.error();
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> payloadTables(db::Connection& schema) {
  auto rows = schema.query(
      "SELECT c.TABLE_NAME FROM information_schema.COLUMNS c JOIN information_schema.TABLES t "
      "ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME "
      "WHERE c.TABLE_SCHEMA = DATABASE() AND c.COLUMN_NAME = 'cid' "
      "AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY 1");
  if (!rows) return rows.error();
  std::vector<std::string> out;
  for (const auto& row : *rows)
    if (db::isSchemaName(row.text(0))) out.push_back(row.text(0));
  return out;
}

Status deletePayload(db::Connection& schema, std::int32_t contextId) {
  OX_CHECK(contextId > 0);
  auto tables = payloadTables(schema);
  if (!tables) return tables.error();
  if (auto off = schema.execute("SET SESSION FOREIGN_KEY_CHECKS = 0"); !off) return off.error();
  for (const auto& table : *tables) {
    std::uint64_t gone = kDeletePortion;
    while (gone >= kDeletePortion) {
      auto done = schema.execute("DELETE FROM " + quoted(table) + " WHERE cid = ? LIMIT " +
                                     std::to_string(kDeletePortion),
                                 {std::int64_t{contextId}});
      if (!done) return done.error();
      gone = *done;
    }
  }
  return {};
}

Result<std::uint64_t> copyPayload(db::Connection& from, db::Connection& to,
                                  std::int32_t contextId) {
  OX_CHECK(contextId > 0);
  auto tables = payloadTables(from);
  if (!tables) return tables.error();
  auto known = payloadTables(to);
  if (!known) return known.error();
  if (auto off = to.execute("SET SESSION FOREIGN_KEY_CHECKS = 0"); !off) return off.error();
  if (auto level = from.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"); !level)
    return level.error();
  auto snapshot = db::Transaction::begin(from);
  if (!snapshot) return snapshot.error();
  std::uint64_t copied = 0;
  for (const auto& table : *tables) {
    auto columns = columnsOf(from, table);
    if (!columns) return columns.error();
    const bool exists = std::find(known->begin(), known->end(), table) != known->end();
    auto theirs = exists ? columnsOf(to, table) : Result<std::vector<std::string>>(*columns);
    if (!theirs) return theirs.error();
    std::string names, places, missing;
    for (const auto& column : *columns) {
      names += (names.empty() ? "" : ", ") + quoted(column);
      places += places.empty() ? "?" : ", ?";
      if (std::find(theirs->begin(), theirs->end(), column) == theirs->end()) missing = column;
    }
    for (std::uint64_t at = 0;; at += kCopyPortion) {
      auto rows = from.query("SELECT " + names + " FROM " + quoted(table) +
                                 " WHERE cid = ? ORDER BY " + names + " LIMIT " +
                                 std::to_string(kCopyPortion) + " OFFSET " + std::to_string(at),
                             {std::int64_t{contextId}});
      if (!rows) return rows.error();
      if (!rows->empty() && (!exists || !missing.empty()))
        return Error(Code::kAdmStorage,
                     "the target schema lacks " +
                         std::string(exists ? "column " + missing + " of " : "") + "table " +
                         table + "; bring both schemas to the same state (runupdate)");
      auto written = insertRows(to, "INSERT INTO " + quoted(table) + " (" + names + ") VALUES ",
                                "(" + places + ")", *rows, columns->size());
      if (!written) return written.error();
      copied += rows->size();
      if (rows->size() < kCopyPortion) break;
    }
  }
  return copied;
}

}  // namespace ox::provisioning
