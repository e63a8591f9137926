#include "form_task.h"

#include "row_changes.h"

namespace ox::update {
namespace {

// A column is added, filled, closed: more statements than this mean that the form is never reached.
constexpr int kMostStatements = 3;

std::string fillSql(const std::string& table, const ColumnForm& column) {
  const std::string name = quoteName(column.name);
  return "UPDATE " + quoteName(table) + " SET " + name + " = " + column.fill + " WHERE " + name +
         " IS NULL";
}

}  // namespace

Status FormTask::shape(services::UpdateContext& context, const FormPart& part) const {
  const TableForm& form = tableForm(part.table);
  for (int i = 0; i <= kMostStatements; ++i) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    auto table = readTable(context.connection, part.table);
    if (!table) return table.error();
    if (!*table) return {};
    for (const ColumnForm* column : columnsToFill(**table, form, part)) {
      auto filled = changeInPortions(context, part.table, fillSql(part.table, *column));
      if (!filled) return filled.error();
      if (*filled > 0)
        context.progress(std::to_string(*filled) + " rows of table " + part.table +
                         " without " + column->name + " have one now");
    }
    const std::string sql = formStatement(**table, form, part);
    if (sql.empty()) return {};
    if (i == kMostStatements)
      return Error(Code::kUpdTaskFailed, "table " + part.table +
                                             " does not come into its form; still to do: " + sql);
    if (Status s = changeForm(context, sql); !s) return s;
    context.progress(sql);
  }
  return {};
}

Status FormTask::perform(services::UpdateContext& context) {
  for (const TaskStep& step : before_) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    if (Status s = step(context); !s) return s;
  }
  for (const FormPart& part : parts_)
    if (Status s = shape(context, part); !s) return s;
  return {};
}

Result<std::vector<std::string>> FormTask::preview(services::UpdateContext& context) {
  std::vector<std::string> out;
  for (const FormPart& part : parts_) {
    const TableForm& form = tableForm(part.table);
    auto table = readTable(context.connection, part.table);
    if (!table) return table.error();
    if (!*table) continue;
    for (const ColumnForm* column : columnsToFill(**table, form, part)) {
      auto open = readRows(context, "SELECT 1 FROM " + quoteName(part.table) + " WHERE " +
                                        quoteName(column->name) + " IS NULL LIMIT 1");
      if (!open) return open.error();
      if (!open->empty()) out.push_back(fillSql(part.table, *column));
    }
    if (std::string sql = formStatement(**table, form, part); !sql.empty())
      out.push_back(std::move(sql));
  }
  return out;
}

}  // namespace ox::update
