#include "row_changes.h"

#include "update_table.h"

namespace ox::update {
namespace {

Result<std::uint64_t> forEachContext(
    services::UpdateContext& context, const std::string& table,
    const std::function<Result<std::uint64_t>(std::int64_t)>& change) {
  auto ids = readRows(context, "SELECT DISTINCT cid FROM `" + table + "`");
  if (!ids) return ids.error();
  std::uint64_t all = 0;
  for (const db::Row& row : *ids) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    auto done = change(row.integer(0));
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

Result<std::uint64_t> changeRows(services::UpdateContext& context, const std::string& sql,
                                 const std::vector<db::Value>& values) {
  auto done = context.connection.execute(sql, values);
  if (!done) return updateSqlError(done.error(), sql);
  return done;
}

Result<std::uint64_t> changeInPortions(services::UpdateContext& context, const std::string& table,
                                       const std::string& sql) {
  const std::string portion = sql + " AND cid = ? LIMIT " + std::to_string(kRowsPerPortion);
  return forEachContext(context, table, [&](std::int64_t id) -> Result<std::uint64_t> {
    std::uint64_t all = 0;
    for (;;) {
      auto done = changeRows(context, portion, {id});
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
                        [&](std::int64_t id) { return changeRows(context, sql, {id}); });
}

Status changeForm(services::UpdateContext& context, const std::string& sql) {
  auto done = services::changeTable(context, sql);
  if (done) return {};
  if (done.error().code == Code::kBusy) return done.error();
  return updateSqlError(done.error(), sql.substr(0, sql.find('(')));
}

}  // namespace ox::update
