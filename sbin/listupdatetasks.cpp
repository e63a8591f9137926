// listUpdateTasks: executed, pending and excluded update tasks of one schema.
// source: switches and columns of the original's tool.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "executed_tasks.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

struct Switches {
  bool pending = false, executed = false, excluded = false, viaFile = false, viaNameSpace = false,
       all = false;
  int count() const {
    return int{pending} + int{executed} + int{excluded} + int{viaFile} + int{viaNameSpace} +
           int{all};
  }
};

bool shown(const Switches& s, const std::string& state, const std::string& reason) {
  const bool isPending = state == "pending" || state == "failed";
  const bool isExcluded = state == "excluded";
  if (s.pending) return isPending;
  if (s.excluded) return isExcluded;
  if (s.viaFile) return isExcluded && reason.find("via file") != std::string::npos;
  if (s.viaNameSpace) return isExcluded && reason.find("via namespace") != std::string::npos;
  return isPending || isExcluded;
}

Table stateTable(const json& rows, const Switches& switches) {
  Table table({{"taskName"}, {"state"}, {"reason"}});
  for (const json& row : rows) {
    const std::string state = row.value("state", "");
    const std::string reason = oneLine(row.value("reason", ""));
    if (shown(switches, state, reason)) table.add({row.value("taskName", ""), state, reason});
  }
  return table;
}

int run(Invocation& call) {
  AdminOptions admin;
  std::string schema;
  Switches s;
  Options options(call, "lists the update tasks of a schema");
  addUpdateOptions(options, admin);
  options.text("-n,--name", &schema, "<schema>", "name of the schema", Need::kRequired);
  options.flag("-g,--pending", &s.pending, "never executed and due, or executed and failed");
  options.flag("-e,--executed", &s.executed, "all rows of the schema's table updateTask");
  options.flag("-x,--excluded", &s.excluded, "excluded by file or by namespace");
  options.flag("-xf,--excluded-via-file", &s.viaFile, "excluded by file");
  options.flag("-xn,--excluded-via-namespace", &s.viaNameSpace, "excluded by namespace");
  options.flag("-a,--all", &s.all, "pending and excluded");
  if (const auto exit = options.parse()) return *exit;
  if (s.count() != 1)
    return options.refuse("exactly one of -g, -e, -x, -xf, -xn, -a must be given",
                          ox::codeInfo(s.count() == 0 ? ox::Code::kAdmMissingOption
                                                      : ox::Code::kAdmIllegalValue).exit);

  Client client(admin);
  const auto rows = client.call("UpdateTaskService/listTasks", json{{"schema", schema}});
  if (!rows) return client.report(rows.error());
  Table table = s.executed ? executedTasks(rows.value()) : stateTable(rows.value(), s);
  table.sortBy(0);
  for (const json& row : rows.value())  // reported, nothing more: an executed task stays executed
    if (s.executed && row.value("reason", "").find("changed since") != std::string::npos)
      std::cerr << "Warning: " << oneLine(row.value("taskName", "")) << " was "
                << oneLine(row.value("reason", "")) << "\n";
  if (admin.csv) table.print(true);
  else table.printOrNothingFound();
  return 0;
}

}  // namespace

OX_TOOL(run, "lists the update tasks of a schema", "listUpdateTasks", "listupdatetasks")
