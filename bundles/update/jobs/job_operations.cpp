#include "job_operations.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace ox::update {
namespace {

using management::Caller;
using nlohmann::json;

Result<std::vector<std::string>> patterns(const json& arguments, const char* name) {
  std::vector<std::string> out;
  const auto found = arguments.find(name);
  if (found == arguments.end() || found->is_null()) return out;
  if (!found->is_array() || found->size() > kMaxPatterns)
    return Error(Code::kInvalid, std::string(name) + " must be a list of at most " +
                                     std::to_string(kMaxPatterns) + " patterns");
  for (const json& one : *found) {
    if (!one.is_string() || one.get_ref<const std::string&>().size() > 256)
      return Error(Code::kInvalid, std::string(name) + " must hold texts of at most 256 bytes");
    out.push_back(one.get<std::string>());
  }
  return out;
}

Result<std::int64_t> number(const json& arguments, const char* name, std::int64_t otherwise,
                            std::int64_t min, std::int64_t max) {
  const auto found = arguments.find(name);
  if (found == arguments.end() || found->is_null()) return otherwise;
  if (!found->is_number_integer() || found->get<std::int64_t>() < min ||
      found->get<std::int64_t>() > max)
    return Error(Code::kInvalid, std::string(name) + " must be a whole number from " +
                                     std::to_string(min) + " to " + std::to_string(max));
  return found->get<std::int64_t>();
}

Result<std::string> text(const json& arguments, const char* name) {
  const auto found = arguments.find(name);
  if (found == arguments.end() || found->is_null()) return std::string();
  if (!found->is_string() || found->get_ref<const std::string&>().size() > 1024)
    return Error(Code::kInvalid, std::string(name) + " must be a text of at most 1024 bytes");
  return found->get<std::string>();
}

Result<std::int64_t> until(const json& arguments) {
  auto word = text(arguments, "until");
  if (!word) return word.error();
  if (word->empty()) return std::int64_t{0};
  return nextTimeOfDay(*word, systemClock().wallMillis());
}

Result<json> runAll(UpdateServiceImpl& service, JobService& jobs, const json& arguments) {
  auto only = patterns(arguments, "only");
  auto skip = patterns(arguments, "skip");
  auto parallel = number(arguments, "parallel", 1, 1, 64);
  auto lag = number(arguments, "maxLag", -1, -1, 1000000);
  auto running = number(arguments, "maxRunning", -1, -1, 1000000);
  auto end = until(arguments);
  auto task = text(arguments, "task");
  for (const Error& e : {only ? Error() : only.error(), skip ? Error() : skip.error(),
                         parallel ? Error() : parallel.error(), lag ? Error() : lag.error(),
                         running ? Error() : running.error(), end ? Error() : end.error(),
                         task ? Error() : task.error()})
    if (e.code != Code::kInternal) return e;
  JobSettings settings;
  settings.parallel = static_cast<int>(*parallel);
  settings.maxLagSeconds = *lag;
  settings.maxRunning = *running;
  settings.until = *end;
  settings.task = *task;
  settings.stopOnError = arguments.value("error", false);
  if (!settings.task.empty()) {
    const TaskSet known = service.gather();
    if (auto forced = forcedTasks(known.tasks, {settings.task}); !forced) return forced.error();
  }
  auto schemas = service.jobSchemas(*only, *skip);
  if (!schemas) return schemas.error();
  auto id = jobs.start(settings, *schemas);
  if (!id) return id.error();
  return json{{"job", *id}, {"schemas", schemas->size()}};
}

// What runAllUpdate would take.
Result<json> jobSchemas(UpdateServiceImpl& service, const json& arguments) {
  auto only = patterns(arguments, "only");
  if (!only) return only.error();
  auto skip = patterns(arguments, "skip");
  if (!skip) return skip.error();
  auto schemas = service.jobSchemas(*only, *skip);
  if (!schemas) return schemas.error();
  json out = json::array();
  for (const services::SchemaRef& one : *schemas)
    out.push_back({{"schema", one.schema}, {"database", one.writePoolId}});
  return out;
}

struct Host {
  std::int64_t total = 0, done = 0, failed = 0, running = 0, pending = 0, timed = 0, sum = 0;
};

Result<json> status(JobService& jobs, const json& arguments) {
  auto id = text(arguments, "job");
  if (!id) return id.error();
  auto since = number(arguments, "since", 0, 0, std::numeric_limits<std::int64_t>::max());
  if (!since) return since.error();
  auto job = jobs.store().job(*id);
  if (!job) return job.error();
  auto schemas = jobs.store().schemas(*id);
  if (!schemas) return schemas.error();
  std::map<std::int32_t, Host> hosts;
  json running = json::array(), failed = json::array();
  std::vector<const JobSchema*> ended;
  std::int64_t tasks = 0;
  for (const JobSchema& one : *schemas) {
    Host& host = hosts[one.schema.writePoolId];
    ++host.total;
    tasks += one.tasks;
    if (one.state == "pending") ++host.pending;
    if (one.state == "running") {
      ++host.running;
      running.push_back({{"schema", one.schema.schema}, {"database", one.schema.writePoolId},
                         {"millis", std::max<std::int64_t>(0, job->now - one.started)}});
    }
    if (one.state != "done" && one.state != "failed") continue;
    ++(one.state == "done" ? host.done : host.failed);
    if (one.started > 0 && one.ended >= one.started) {
      ++host.timed;
      host.sum += one.ended - one.started;
    }
    if (one.ended > *since) ended.push_back(&one);
    if (one.state == "failed" && failed.size() < kMaxEventsShown)
      failed.push_back({{"schema", one.schema.schema}, {"text", one.text}});
  }
  std::sort(ended.begin(), ended.end(),
            [](const JobSchema* a, const JobSchema* b) { return a->ended < b->ended; });
  if (ended.size() > kMaxEventsShown) ended.resize(kMaxEventsShown);
  json events = json::array();
  for (const JobSchema* one : ended)
    events.push_back({{"schema", one->schema.schema}, {"database", one->schema.writePoolId},
                      {"state", one->state}, {"tasks", one->tasks}, {"text", one->text},
                      {"ended", one->ended},
                      {"millis", one->started > 0 ? one->ended - one->started : 0}});
  json list = json::array();
  Host all;
  std::int64_t eta = 0;
  for (const auto& [pool, host] : hosts) {
    const std::int64_t own =
        etaMillis(host.timed, host.sum, host.pending + host.running, job->settings.parallel);
    eta = own < 0 || eta < 0 ? -1 : std::max(eta, own);
    all.total += host.total;
    all.done += host.done;
    all.failed += host.failed;
    all.running += host.running;
    list.push_back({{"database", pool}, {"total", host.total}, {"done", host.done},
                    {"failed", host.failed}, {"running", host.running}, {"eta", own}});
  }
  return json{{"job", job->id}, {"state", job->state}, {"wish", job->wish}, {"note", job->note},
              {"creator", job->creator}, {"owner", job->owner}, {"created", job->created},
              {"finished", job->finished}, {"now", job->now}, {"task", job->settings.task},
              {"parallel", job->settings.parallel}, {"total", all.total}, {"done", all.done},
              {"failed", all.failed}, {"running", all.running}, {"tasks", tasks}, {"eta", eta},
              {"hosts", std::move(list)}, {"runningSchemas", std::move(running)},
              {"failedSchemas", std::move(failed)}, {"ended", std::move(events)}};
}

Result<json> control(JobService& jobs, const json& arguments) {
  auto id = text(arguments, "job");
  if (!id) return id.error();
  auto wish = text(arguments, "wish");
  if (!wish) return wish.error();
  auto end = until(arguments);
  if (!end) return end.error();
  Status done;
  if (*wish == "pause" || *wish == "abort") done = jobs.control(*id, *wish);
  else if (*wish == "continue") done = jobs.control(*id, "run");
  else if (*wish == "resume" || *wish == "retry") done = jobs.resume(*id, *wish == "retry", *end);
  else
    return Error(Code::kInvalid, "wish is '" + wish->substr(0, 20) +
                                     "'; allowed are pause, continue, abort, resume and retry");
  if (!done) return done.error();
  return json::object();
}

Result<json> list(JobService& jobs) {
  auto all = jobs.store().jobs(kMaxEventsShown);
  if (!all) return all.error();
  json out = json::array();
  for (const Job& job : *all)
    out.push_back({{"job", job.id}, {"state", job.state}, {"wish", job.wish},
                   {"created", job.created}, {"finished", job.finished},
                   {"creator", job.creator}, {"owner", job.owner}, {"note", job.note}});
  return out;
}

}  // namespace

std::int64_t etaMillis(std::int64_t ended, std::int64_t sumMillis, std::int64_t left,
                       int parallel) {
  if (left <= 0) return 0;
  if (ended <= 0) return -1;
  return sumMillis * left / ended / std::max<std::int64_t>(1, std::min<std::int64_t>(left, parallel));
}

void addJobOperations(management::Management& management,
                      const std::shared_ptr<UpdateServiceImpl>& service,
                      const std::shared_ptr<JobService>& jobs,
                      std::vector<management::Registration>& registrations) {
  const auto add = [&](const char* name, auto handler) {
    registrations.push_back(
        management.addOperation(name, management::Access::kMaster,
                                [handler](const json& arguments, const Caller&) -> Result<json> {
                                  return handler(arguments);
                                }));
  };
  add("UpdateTaskService/runAllUpdate",
      [service, jobs](const json& arguments) { return runAll(*service, *jobs, arguments); });
  add("UpdateTaskService/jobSchemas",
      [service](const json& arguments) { return jobSchemas(*service, arguments); });
  add("UpdateTaskService/jobStatus",
      [jobs](const json& arguments) { return status(*jobs, arguments); });
  add("UpdateTaskService/jobControl",
      [jobs](const json& arguments) { return control(*jobs, arguments); });
  add("UpdateTaskService/jobs", [jobs](const json&) { return list(*jobs); });
}

}  // namespace ox::update
