// runallupdate: runs the pending update tasks of all schemas of this server, as a job.
// source: options, first lines and messages of the original's tool; parallel work, control and progress
// are ours. Ours also ends with an exit code that tells failures (with --wait).
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "job_watch.h"
#include "plan_output.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

json patterns(const std::string& text) {
  json out = json::array();
  std::string one;
  for (const char c : text + ",") {
    if (c != ',') {
      one += c;
    } else if (!one.empty()) {
      out.push_back(one);
      one.clear();
    }
  }
  return out;
}

struct Words {
  bool error = false, wait = false, asJson = false, jobs = false, dryRun = false, sql = false;
  std::int64_t parallel = 1, maxLag = -1, maxLoad = -1;
  std::string only, skip, until;
  std::string attach, pause, resume, retry, proceed, abort;
};

int listJobs(Client& client) {
  const auto jobs = client.call("UpdateTaskService/jobs", json::object());
  if (!jobs) return client.report(jobs.error());
  Table table({{"job"}, {"state"}, {"created"}, {"finished"}, {"note"}});
  for (const json& one : jobs.value()) {
    const std::int64_t finished = one.value("finished", std::int64_t{0});
    const bool paused = one.value("state", "") == "running" && one.value("wish", "") == "pause";
    table.add({one.value("job", ""), paused ? "paused" : one.value("state", ""),
               localTime(one.value("created", std::int64_t{0})),
               finished > 0 ? localTime(finished) : "", oneLine(one.value("note", ""))});
  }
  table.printOrNothingFound();
  return 0;
}

int control(Client& client, const std::string& job, const char* wish, const Words& words) {
  json arguments{{"job", job}, {"wish", wish}};
  if (!words.until.empty()) arguments["until"] = words.until;
  const auto done = client.call("UpdateTaskService/jobControl", arguments);
  if (!done) return client.report(done.error());
  if (words.wait) return followJob(client, job, words.asJson);
  return 0;
}

// --dry-run, --sql: each schema that a job would take, nothing is run. Every schema is looked at, also
// after one that cannot be read.
int plans(Client& client, const Words& words) {
  const auto schemas = client.call("UpdateTaskService/jobSchemas", {{"only", patterns(words.only)},
                                                                    {"skip", patterns(words.skip)}});
  if (!schemas) return client.report(schemas.error());
  int exit = 0;
  std::size_t pending = 0, tasks = 0;
  for (const json& one : schemas.value()) {
    const std::string schema = one.value("schema", "");
    const auto plan = client.call("UpdateTaskService/planUpdate", {{"schema", schema}});
    if (!plan) {
      exit = client.report(plan.error(), "schema " + oneLine(schema) + ":");
      continue;
    }
    const std::size_t count = plan.value().value("tasks", json::array()).size();
    pending += count > 0 ? 1 : 0;
    tasks += count;
    if (words.asJson) std::cout << plan.value().dump() << "\n";
    else if (words.sql && count > 0) showSql(plan.value(), true);
    else if (!words.sql && count > 0) showPlan(plan.value());
  }
  if (!words.asJson && !words.sql)
    std::cout << pending << " of " << schemas.value().size() << " schemas need an update, " << tasks
              << " task(s)\n";
  return exit;
}

int start(Client& client, const Words& words) {
  json arguments{{"parallel", words.parallel},       {"error", words.error},
                 {"only", patterns(words.only)},     {"skip", patterns(words.skip)},
                 {"maxLag", words.maxLag},           {"maxRunning", words.maxLoad}};
  if (!words.until.empty()) arguments["until"] = words.until;
  const auto job = client.call("UpdateTaskService/runAllUpdate", arguments);
  if (!job) return client.report(job.error());
  const std::string id = job.value().value("job", "");
  if (words.asJson) {
    std::cout << json{{"event", "start"}, {"job", id}, {"schemas", job.value().value("schemas", 0)}}
                     .dump()
              << "\n";
  } else {
    std::cout << "Scheduled an asynchronous job with id: " << id << "\n"
              << "Attempting to update " << job.value().value("schemas", 0)
              << " schemas in total...\n";
  }
  std::cout.flush();
  return words.wait ? followJob(client, id, words.asJson) : 0;
}

int run(Invocation& call) {
  AdminOptions admin;
  Words words;
  Options options(call, "runs the pending update tasks of all schemas");
  addUpdateOptions(options, admin);
  options.flag("-e,--error", &words.error, "stop at the first failed or locked schema");
  options.number("--parallel", &words.parallel, 1, 64,
                 "schemas at a time per database host, default 1");
  options.text("--only", &words.only, "<patterns>", "only these schemas: names with * and ?, commas");
  options.text("--skip", &words.skip, "<patterns>", "not these schemas");
  options.number("--max-lag", &words.maxLag, 0, 1000000,
                 "begin no schema while a replica of its host is more seconds behind");
  options.number("--max-load", &words.maxLoad, 0, 1000000,
                 "begin no schema while its host has more running threads");
  options.text("--until", &words.until, "<HH:MM>", "begin no further task after this time");
  options.flag("--wait", &words.wait, "follow the job to its end; the exit code tells failures");
  options.flag("--json", &words.asJson, "write one JSON object per line");
  options.flag("--dry-run", &words.dryRun, "show for each schema what would run; run nothing");
  options.flag("--sql", &words.sql, "show only the SQL for each schema; run nothing");
  options.flag("--jobs", &words.jobs, "list the jobs instead");
  options.text("--attach", &words.attach, "<job>", "follow a job that was started before");
  options.text("--pause", &words.pause, "<job>", "begin no further task until --continue");
  options.text("--continue", &words.proceed, "<job>", "end the pause");
  options.text("--abort", &words.abort, "<job>", "end the job, kill its running statements");
  options.text("--resume", &words.resume, "<job>", "go on with a stopped or aborted job");
  options.text("--retry", &words.retry, "<job>", "the same, and its failed schemas again");
  if (const auto exit = options.parse()) return *exit;
  int modes = int{words.jobs} + int{words.dryRun} + int{words.sql};
  for (const std::string* one : {&words.attach, &words.pause, &words.proceed, &words.abort,
                                 &words.resume, &words.retry})
    modes += one->empty() ? 0 : 1;
  if (modes > 1)
    return options.refuse("only one of --dry-run, --sql, --jobs, --attach, --pause, --continue, "
                          "--abort, --resume and --retry may be given",
                          ox::codeInfo(ox::Code::kAdmIllegalValue).exit);
  Client client(admin);
  if (words.dryRun || words.sql) return plans(client, words);
  if (words.jobs) return listJobs(client);
  if (!words.attach.empty()) return followJob(client, words.attach, words.asJson);
  if (!words.pause.empty()) return control(client, words.pause, "pause", words);
  if (!words.proceed.empty()) return control(client, words.proceed, "continue", words);
  if (!words.abort.empty()) return control(client, words.abort, "abort", words);
  if (!words.resume.empty()) return control(client, words.resume, "resume", words);
  if (!words.retry.empty()) return control(client, words.retry, "retry", words);
  return start(client, words);
}

}  // namespace

OX_TOOL(run, "runs the pending update tasks of all schemas", "runallupdate", "runAllUpdate")
