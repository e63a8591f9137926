#include "index_task.h"

#include <algorithm>

#include "update_table.h"

namespace ox::update {

bool hasIndex(const TableInfo& table, const IndexWanted& wanted) {
  return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const IndexInfo& index) {
    if (index.name == wanted.index) return true;
    if (index.parts.size() < wanted.parts.size()) return false;
    return std::equal(wanted.parts.begin(), wanted.parts.end(), index.parts.begin(),
                      [](const IndexPart& want, const IndexPart& have) {
                        const bool longEnough =
                            have.prefix == 0 || (want.prefix > 0 && have.prefix >= want.prefix);
                        return want.column == have.column && longEnough;
                      });
  });
}

Result<std::string> IndexTask::statement(services::UpdateContext& context) const {
  auto table = readTable(context.connection, wanted_.table);
  if (!table) return table.error();
  if (!*table) {
    context.progress("there is no table " + wanted_.table);
    return std::string();
  }
  if (hasIndex(**table, wanted_)) return std::string();
  std::string parts;
  for (const IndexPart& part : wanted_.parts) {
    if (!(*table)->hasColumn(part.column))
      return Error(Code::kUpdColumn, "table " + wanted_.table + " has no column " + part.column);
    if (!parts.empty()) parts += ", ";
    parts += quoteName(part.column);
    if (part.prefix > 0) parts += "(" + std::to_string(part.prefix) + ")";
  }
  return "ALTER TABLE " + quoteName(wanted_.table) + " ADD INDEX " + quoteName(wanted_.index) +
         " (" + parts + ")";
}

Result<std::vector<std::string>> IndexTask::preview(services::UpdateContext& context) {
  auto sql = statement(context);
  if (!sql) return sql.error();
  return sql->empty() ? std::vector<std::string>{} : std::vector<std::string>{*sql};
}

Status IndexTask::perform(services::UpdateContext& context) {
  auto sql = statement(context);
  if (!sql) return sql.error();
  if (sql->empty()) return {};
  auto done = services::changeTable(context, *sql);
  if (!done && done.error().code == Code::kBusy) return done.error();
  if (!done) return updateSqlError(done.error(), "adding index " + wanted_.index);
  context.progress("index " + wanted_.index + " on table " + wanted_.table + " added");
  return {};
}

}  // namespace ox::update
