// runupdate: runs the pending update tasks of one schema and waits for the end.
// source: options, messages and table of the original's tool; the exit codes are ours.
#include <charconv>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "plan_output.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

int usageError(const Options& options, const std::string& text) {
  std::cerr << text << "\n" << options.usage();
  return 1;
}

// --copy: rows or tables that were there before are not there after.
bool losesData(const json& report) {
  for (const json& one : report.value("tables", json::array()))
    if (one.value("gone", false) || one.value("rowsAfter", 0L) < one.value("rowsBefore", 0L))
      return true;
  return false;
}

// --copy: what became of the data.
void showCopy(const json& report) {
  for (const json& one : report.value("removed", json::array()))
    std::cout << "dropped the copy " << oneLine(one.value("copy", "")) << " of schema "
              << oneLine(one.value("schema", "")) << ", left by " << oneLine(one.value("owner", ""))
              << "\n";
  std::cout << "copied schema " << oneLine(report.value("schema", "")) << " ("
            << report.value("size", "") << ") in " << report.value("copyMillis", 0L) / 1000.0
            << " s, ran " << report.value("executed", json::array()).size() << " task(s) in "
            << report.value("runMillis", 0L) / 1000.0 << " s\n";
  Table table({{"table"}, {"rowsBefore", Align::kRight}, {"rowsAfter", Align::kRight}, {"data"},
               {"columns"}});
  for (const json& one : report.value("tables", json::array())) {
    const std::int64_t before = one.value("rowsBefore", 0L), after = one.value("rowsAfter", 0L);
    const bool gone = one.value("gone", false), made = one.value("created", false);
    std::string columns;
    for (const json& name : one.value("added", json::array()))
      columns += (columns.empty() ? "+" : " +") + oneLine(name.get<std::string>());
    for (const json& name : one.value("removed", json::array()))
      columns += (columns.empty() ? "-" : " -") + oneLine(name.get<std::string>());
    const char* data = gone ? "gone" : made ? "new" : one.value("sameData", false) ? "same"
                                                                                   : "changed";
    table.add({oneLine(one.value("table", "")), std::to_string(before), std::to_string(after), data,
               columns});
  }
  table.print(false);
}

// --copies, --remove-copies: which rehearsals are under way, and what dead ones left.
int showCopies(Client& client, bool remove, bool asJson) {
  const auto rows = client.call("UpdateTaskService/copies", {{"remove", remove}});
  if (!rows) return client.report(rows.error());
  if (asJson) {
    std::cout << rows.value().dump() << "\n";
    return 0;
  }
  Table table({{"copy"}, {"database", Align::kRight}, {"schema"}, {"begun"}, {"owner"}, {"state"}});
  for (const json& one : rows.value())
    table.add({oneLine(one.value("copy", "")), std::to_string(one.value("database", 0)),
               oneLine(one.value("schema", "")), localTime(one.value("started", std::int64_t{0})),
               oneLine(one.value("owner", "")), one.value("state", "")});
  table.printOrNothingFound();
  return 0;
}

int run(Invocation& call) {
  AdminOptions admin;
  std::string context, schema, until;
  bool dryRun = false, sql = false, asJson = false, copy = false, copies = false, remove = false;
  Options options(call, "runs the pending update tasks of a schema");
  addUpdateOptions(options, admin);
  options.text("-c,--context", &context, "<cid>", "any context of the schema");
  options.text("-n,--name", &schema, "<schema>", "name of the schema; -c wins when both are given");
  options.flag("--dry-run", &dryRun, "show the tasks, their order, SQL and locks; run nothing");
  options.flag("--sql", &sql, "show only the SQL of the pending tasks; run nothing");
  options.flag("--copy", &copy, "run on a copy of the schema, compare the data, drop the copy");
  options.flag("--copies", &copies, "list the copies that exist, in use or left by a dead node");
  options.flag("--remove-copies", &remove, "drop those that a dead node left, then list");
  options.flag("--json", &asJson, "write the result as JSON");
  options.text("--until", &until, "<HH:MM>", "begin no further task after this time of the node");
  if (const auto exit = options.parse()) return *exit;

  json arguments = json::object();
  if (int{dryRun} + int{sql} + int{copy} + int{copies} + int{remove} > 1)
    return options.refuse("only one of --dry-run, --sql, --copy, --copies and --remove-copies may be "
                          "given",
                          ox::codeInfo(ox::Code::kAdmIllegalValue).exit);
  if (copies || remove) {
    Client client(admin);
    return showCopies(client, remove, asJson);
  }
  if (options.given("--context")) {
    std::int64_t id = 0;
    const char* end = context.data() + context.size();
    const auto [rest, problem] = std::from_chars(context.data(), end, id);
    if (problem != std::errc() || rest != end || id < 0 ||
        id > std::numeric_limits<std::int32_t>::max())
      return usageError(options, "Context parameter is not a number: " + oneLine(context));
    arguments["contextId"] = id;
  } else if (!schema.empty()) {
    arguments["schema"] = schema;
  } else {
    return usageError(options, "Missing context/schema identifier.");
  }

  if (!until.empty()) arguments["until"] = until;
  Client client(admin);
  const bool only = dryRun || sql;
  const auto answer = client.call(only   ? "UpdateTaskService/planUpdate"
                                  : copy ? "UpdateTaskService/copyUpdate"
                                         : "UpdateTaskService/runUpdate",
                                  arguments);
  if (!answer) return client.report(answer.error());
  // The update itself succeeded: exit 0, but the administrator has something to do.
  const json undelivered = answer.value().value("undelivered", json::array());
  if (!undelivered.empty()) std::cout << "The older cluster was not told of:\n";
  for (const json& text : undelivered) std::cout << "  " << oneLine(text.get<std::string>()) << "\n";
  const json failed = answer.value().value("failed", json::array());
  const std::string stopped = answer.value().value("stopped", "");
  const bool lost = copy && losesData(answer.value());
  if (asJson) {
    std::cout << answer.value().dump() << "\n";
    return failed.empty() && stopped.empty() && !lost ? 0 : 1;
  }
  if (dryRun) showPlan(answer.value());
  else if (sql) showSql(answer.value());
  if (only) return 0;
  if (copy) showCopy(answer.value());
  if (lost) std::cerr << "The copy has fewer rows or tables than before.\n";
  if (!stopped.empty())
    std::cerr << "The run ended before everything was done: " << oneLine(stopped) << "\n";
  if (failed.empty()) return stopped.empty() && !lost ? 0 : 1;
  std::cout << "The following update task(s) failed:\n";
  Table table({{"taskName"}, {"className"}, {"schema"}});
  for (const json& task : failed)
    table.add({task.value("taskName", ""), oneLine(task.value("className", "")),
               task.value("schema", "")});
  table.print(false);
  return 1;
}

}  // namespace

OX_TOOL(run, "runs the pending update tasks of a schema", "runupdate", "runUpdate")
