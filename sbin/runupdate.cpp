// runupdate: runs the pending update tasks of one schema and waits for the end.
// source: options, messages and table of the original's tool; the exit codes are ours.
#include <charconv>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

int usageError(const Options& options, const std::string& text) {
  std::cerr << text << "\n" << options.usage();
  return 1;
}

int run(Invocation& call) {
  AdminOptions admin;
  std::string context, schema;
  Options options(call, "runs the pending update tasks of a schema");
  addUpdateOptions(options, admin);
  options.text("-c,--context", &context, "<cid>", "any context of the schema");
  options.text("-n,--name", &schema, "<schema>", "name of the schema; -c wins when both are given");
  if (const auto exit = options.parse()) return *exit;

  json arguments = json::object();
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

  Client client(admin);
  const auto answer = client.call("UpdateTaskService/runUpdate", arguments);
  if (!answer) return client.report(answer.error());
  const json failed = answer.value().value("failed", json::array());
  if (failed.empty()) return 0;
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
