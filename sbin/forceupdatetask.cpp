// forceupdatetask: runs one task again, on one schema or on all, whether executed or excluded.
// source: options and messages of the original's tool; here a failure is printed and told by the exit
// code, and "all schemas" is a job that is followed to its end.
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>

#include "job_watch.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

int usageError(const Options& options, const std::string& text) {
  std::cerr << text << "\n" << options.usage();
  return 1;
}

int onAll(Client& client, const std::string& task, std::int64_t parallel) {
  const auto job = client.call("UpdateTaskService/runAllUpdate",
                               json{{"task", task}, {"parallel", parallel}});
  if (!job) return client.report(job.error());
  return followJob(client, job.value().value("job", ""), false);
}

int run(Invocation& call) {
  AdminOptions admin;
  std::string task, context, schema;
  std::int64_t parallel = 1;
  Options options(call, "runs an update task whether or not it was executed");
  addUpdateOptions(options, admin);
  options.text("-t,--task", &task, "<name>", "name of the task");
  options.text("-c,--context", &context, "<cid>", "any context of the schema");
  options.text("-n,--name", &schema, "<schema>", "name of the schema; neither -c nor -n: all");
  options.number("--parallel", &parallel, 1, 64, "for all schemas: at a time per database host");
  if (const auto exit = options.parse()) return *exit;
  if (task.empty()) return usageError(options, "Missing update task's class name.");
  Client client(admin);
  json arguments{{"task", task}};
  if (options.given("--context")) {
    std::int64_t id = 0;
    const char* end = context.data() + context.size();
    const auto [rest, problem] = std::from_chars(context.data(), end, id);
    if (problem != std::errc() || rest != end || id < 0 || id > 2147483647)
      return usageError(options,
                        "Context identifier parameter is not a number: " + oneLine(context));
    arguments["contextId"] = id;
  } else if (!schema.empty()) {
    arguments["schema"] = schema;
  } else {
    return onAll(client, task, parallel);
  }
  const auto answer = client.call("UpdateTaskService/runUpdate", arguments);
  if (!answer) return client.report(answer.error());
  const json failed = answer.value().value("failed", json::array());
  if (failed.empty()) return 0;
  std::cout << "The following update task(s) failed:\n";
  Table table({{"taskName"}, {"className"}, {"schema"}});
  for (const json& one : failed)
    table.add({one.value("taskName", ""), oneLine(one.value("className", "")),
               one.value("schema", "")});
  table.print(false);
  return 1;
}

}  // namespace

OX_TOOL(run, "runs an update task whether or not it was executed", "forceupdatetask")
