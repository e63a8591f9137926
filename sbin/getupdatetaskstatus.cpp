// getUpdateTaskStatus: how far a job of runallupdate or forceupdatetask is.
// source: option and texts of the original's tool; a status may be asked for as often as one likes here.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "job_watch.h"
#include "update_options.h"

namespace {

using namespace ox::tool;

int run(Invocation& call) {
  AdminOptions admin;
  std::string job;
  bool asJson = false;
  Options options(call, "shows the status of an update job");
  addUpdateOptions(options, admin);
  options.text("-j,--job-id", &job, "<id>", "the job's id, as runallupdate printed it",
               Need::kRequired);
  options.flag("--json", &asJson, "write the status as JSON");
  if (const auto exit = options.parse()) return *exit;
  Client client(admin);
  const auto status = client.call("UpdateTaskService/jobStatus", nlohmann::json{{"job", job}});
  if (!status) {
    if (status.error().code != ox::Code::kNotFound) return client.report(status.error());
    std::cout << "No job found for id '" << oneLine(job) << "'.\n";
    return 1;
  }
  if (asJson) std::cout << status.value().dump() << "\n";
  else std::cout << jobText(status.value());
  return jobExit(status.value());
}

}  // namespace

OX_TOOL(run, "shows the status of an update job", "getUpdateTaskStatus", "getupdatetaskstatus")
