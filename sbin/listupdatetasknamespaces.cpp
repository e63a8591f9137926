// listUpdateTaskNamespaces: name spaces of update tasks, as excludedUpdateTasks takes them.
// source: name and switch of the original's tool.
#include <iostream>
#include <nlohmann/json.hpp>

#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

int run(Invocation& call) {
  AdminOptions admin;
  bool only = false;
  Options options(call, "lists the name spaces of update tasks and their tasks");
  addUpdateOptions(options, admin);
  options.flag("-n,--namespaces-only", &only, "the name spaces without their tasks");
  if (const auto exit = options.parse()) return *exit;
  Client client(admin);
  const auto spaces = client.call("UpdateTaskService/listNamespaces", json::object());
  if (!spaces) return client.report(spaces.error());
  Table table(only ? std::vector<Column>{{"namespace"}}
                   : std::vector<Column>{{"namespace"}, {"taskName"}});
  for (const auto& [space, tasks] : spaces.value().items()) {
    if (only) {
      table.add({oneLine(space)});
      continue;
    }
    for (const json& task : tasks) table.add({oneLine(space), oneLine(task.get<std::string>())});
  }
  if (admin.csv) table.print(true);
  else table.printOrNothingFound();
  return 0;
}

}  // namespace

OX_TOOL(run, "lists the name spaces of update tasks", "listUpdateTaskNamespaces",
        "listupdatetasknamespaces")
