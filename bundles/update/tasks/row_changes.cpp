#include "row_changes.h"

#include "update_table.h"

namespace ox::update {

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

Result<std::uint64_t> changeInPortions(services::UpdateContext& context, const std::string& sql) {
  const std::string portion = sql + " LIMIT " + std::to_string(kRowsPerPortion);
  std::uint64_t all = 0;
  for (;;) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    auto done = changeRows(context, portion);
    if (!done) return done;
    all += *done;
    if (*done < kRowsPerPortion) return all;
  }
}

Status changeForm(services::UpdateContext& context, const std::string& sql) {
  auto done = services::changeTable(context, sql);
  if (done) return {};
  if (done.error().code == Code::kBusy) return done.error();
  return updateSqlError(done.error(), sql.substr(0, sql.find('(')));
}

}  // namespace ox::update
