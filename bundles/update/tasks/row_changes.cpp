#include "row_changes.h"

#include "update_table.h"

namespace ox::update {
namespace {

// What the runner must see as it is: the task stays pending, or the run ends.
bool passesAsItIs(const Error& error) {
  return error.code == Code::kBusy || error.code == Code::kUpdSuperseded;
}

Result<std::uint64_t> forEachContext(
    services::UpdateContext& context, const std::string& table,
    const std::function<Result<std::uint64_t>(const std::string& id)>& change) {
  auto ids = readRows(context, "SELECT DISTINCT cid FROM `" + table + "`");
  if (!ids) return ids.error();
  std::uint64_t all = 0;
  for (const db::Row& row : *ids) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    auto done = change(std::to_string(row.integer(0)));
    if (!done) return done;
    all += *done;
  }
  return all;
}

}  // namespace

Result<std::vector<db::Row>> readRows(services::UpdateContext& context, const std::string& sql,
                                      const std::vector<db::Value>& values) {
  auto rows = context.connection.query(sql, values);
  if (!rows) return updateSqlError(rows.error(), sql);
  return rows;
}

Result<std::uint64_t> changeRows(services::UpdateContext& context, const std::string& sql) {
  auto done = services::changeTable(context, sql);
  if (done || passesAsItIs(done.error())) return done;
  return updateSqlError(done.error(), sql.substr(0, sql.find(" WHERE")));
}

std::string textLiteral(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string out = "_utf8mb4 x'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out + "'";
}

Result<std::uint64_t> changeInPortions(services::UpdateContext& context, const std::string& table,
                                       const std::string& sql) {
  return forEachContext(context, table, [&](const std::string& id) -> Result<std::uint64_t> {
    const std::string portion =
        sql + " AND cid = " + id + " LIMIT " + std::to_string(kRowsPerPortion);
    std::uint64_t all = 0;
    for (;;) {
      auto done = changeRows(context, portion);
      if (!done) return done;
      all += *done;
      if (*done < kRowsPerPortion) return all;
      if (context.superseded()) return Error(Code::kUpdSuperseded);
    }
  });
}

Result<std::uint64_t> changeByContext(services::UpdateContext& context, const std::string& table,
                                      const std::string& sql) {
  return forEachContext(context, table,
                        [&](const std::string& id) { return changeRows(context, sql + id); });
}

Status changeForm(services::UpdateContext& context, const std::string& sql) {
  auto done = services::changeTable(context, sql);
  if (done) return {};
  if (passesAsItIs(done.error())) return done.error();
  return updateSqlError(done.error(), sql.substr(0, sql.find('(')));
}

}  // namespace ox::update
