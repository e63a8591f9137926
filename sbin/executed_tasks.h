// The table of executed update tasks: listUpdateTasks -e and the older listExecutedUpdateTasks.
#pragma once

#include <nlohmann/json.hpp>

#include "update_options.h"

namespace ox::tool {

inline Table executedTasks(const nlohmann::json& rows) {
  Table table({{"taskName"}, {"successful"}, {"lastModified"}});
  for (const nlohmann::json& row : rows)
    if (row.value("executed", false))
      table.add({row.value("taskName", ""), row.value("successful", false) ? "true" : "false",
                 localTime(row.value("lastModified", std::int64_t{0}))});
  return table;
}

}  // namespace ox::tool
