// listExecutedUpdateTasks: all rows of a schema's table updateTask (older name of listUpdateTasks -e).
// source: option and columns of the original's tool.
#include <iostream>
#include <nlohmann/json.hpp>

#include "executed_tasks.h"

namespace {

using namespace ox::tool;

int run(Invocation& call) {
  AdminOptions admin;
  std::string schema;
  Options options(call, "lists the executed update tasks of a schema");
  addUpdateOptions(options, admin);
  options.text("-n,--name", &schema, "<schema>", "name of the schema", Need::kRequired);
  if (const auto exit = options.parse()) return *exit;
  Client client(admin);
  const auto rows =
      client.call("UpdateTaskService/listTasks", nlohmann::json{{"schema", schema}});
  if (!rows) return client.report(rows.error());
  Table table = executedTasks(rows.value());
  table.sortBy(0);
  if (admin.csv) table.print(true);
  else table.printOrNothingFound();
  return 0;
}

}  // namespace

OX_TOOL(run, "lists the executed update tasks of a schema", "listExecutedUpdateTasks",
        "listexecutedupdatetasks")
