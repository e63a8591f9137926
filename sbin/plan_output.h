// What an update would do, as runupdate and runallupdate show it (--dry-run, --sql).
// The plan is the answer of UpdateTaskService/planUpdate; docs/operating/updates.md explains each line.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace ox::tool {

// Tasks in the order of the run, with order, cost and locks.
void showPlan(const nlohmann::json& plan);
// Nothing but the statements, for reading and for review; `use` = begins with USE of the schema.
void showSql(const nlohmann::json& plan, bool use = false);

}  // namespace ox::tool
