// What the node itself shows and offers: runtime beans, metrics, readiness, operations.
#include <dirent.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "config/rules.h"
#include "net/workers.h"
#include "server/daemon.h"

namespace ox::server {
namespace {

using management::Access;
using management::Attributes;
using management::Caller;
using management::MetricSample;
using nlohmann::json;

// A figure of /proc/self/status, e.g. "Threads" or "VmRSS" (kB); 0 when it is not there.
std::uint64_t procStatus(const std::string& name) {
  std::ifstream in("/proc/self/status");
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with(name + ":"))
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
  return 0;
}

std::uint64_t openFiles() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  std::uint64_t count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count < 3 ? 0 : count - 3;  // ".", ".." and the directory itself
}

std::string runtimeName() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return std::to_string(getpid()) + "@" + host;
}

Attributes operatingSystem() {
  utsname os{};
  uname(&os);
  double load[1] = {0};
  if (getloadavg(load, 1) != 1) load[0] = -1;
  char loadText[32];
  std::snprintf(loadText, sizeof loadText, "%.2f", load[0]);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return {{"Arch", os.machine},
          {"AvailableProcessors", std::to_string(std::thread::hardware_concurrency())},
          {"MaxFileDescriptorCount", std::to_string(files.rlim_cur)},
          {"Name", os.sysname},
          {"OpenFileDescriptorCount", std::to_string(openFiles())},
          {"SystemLoadAverage", loadText},
          {"Version", os.release}};
}

json bundleList(const std::vector<runtime::BundleInfo>& bundles) {
  json out = json::array();
  for (const auto& bundle : bundles)
    out.push_back({{"name", bundle.name},
                   {"version", bundle.version},
                   {"state", runtime::stateName(bundle.state)},
                   {"needs", bundle.needs},
                   {"offers", bundle.offers},
                   {"error", bundle.error}});
  return out;
}

}  // namespace

void Daemon::registerManagement() {
  const auto uptime = [this] { return systemClock().steadyMillis() - startedSteadyMillis_; };
  registrations_.push_back(management_->addMBean({"java.lang:type=Runtime", [this, uptime] {
    return Attributes{{"Name", runtimeName()},
                      {"StartTime", std::to_string(startedWallMillis_)},
                      {"Uptime", std::to_string(uptime())},
                      {"VmName", "open-xchange"},
                      {"VmVersion", OX_VERSION}};
  }}));
  registrations_.push_back(management_->addMBean({"java.lang:type=Threading", [] {
    return Attributes{{"ThreadCount", std::to_string(procStatus("Threads"))}};
  }}));
  registrations_.push_back(management_->addMBean({"java.lang:type=Memory", [] {
    return Attributes{{"ResidentBytes", std::to_string(procStatus("VmRSS") * 1024)},
                      {"PeakResidentBytes", std::to_string(procStatus("VmHWM") * 1024)}};
  }}));
  registrations_.push_back(
      management_->addMBean({"java.lang:type=OperatingSystem", operatingSystem}));
  registrations_.push_back(management_->addMBean({"com.openexchange.logging:name=Log Counters", [] {
    return Attributes{{"ErrorCount", std::to_string(log::errorCount())},
                      {"WarnCount", std::to_string(log::warnCount())}};
  }}));
  registrations_.push_back(management_->addReadiness("node", [this](std::string& why) {
    why = "the node is starting or stopping";
    return ready_.load();
  }));
  registrations_.push_back(management_->addMetrics([this, uptime](std::vector<MetricSample>& out) {
    const auto gauge = [&out](const char* name, const char* help, double value,
                              std::vector<std::pair<std::string, std::string>> labels = {}) {
      out.push_back({name, help, false, std::move(labels), value});
    };
    const auto counter = [&out](const char* name, const char* help, double value,
                                std::vector<std::pair<std::string, std::string>> labels = {}) {
      out.push_back({name, help, true, std::move(labels), value});
    };
    gauge("ox_build_info", "Always 1; the label tells the version", 1, {{"version", OX_VERSION}});
    gauge("ox_config_grid_open_without_secret",
          "1 when the grid listens beyond loopback with neither password nor TLS",
          config::gridIsOpen(*config_->current()) ? 1 : 0);
    counter("ox_config_reload_failures_total", "Reloads refused because of a mistake",
            static_cast<double>(failedReloads_.load()));
    gauge("ox_uptime_seconds", "Seconds since start", static_cast<double>(uptime()) / 1000);
    gauge("ox_process_threads", "Threads of the process",
          static_cast<double>(procStatus("Threads")));
    gauge("ox_process_resident_bytes", "Memory in use",
          static_cast<double>(procStatus("VmRSS")) * 1024);
    gauge("ox_workers_queued", "Jobs that wait for a worker",
          static_cast<double>(workers_->queued()));
    for (const auto& [level, count] : {std::pair{"WARN", log::warnCount()},
                                       std::pair{"ERROR", log::errorCount()}})
      counter("ox_log_records_total", "Records written", static_cast<double>(count),
              {{"level", level}});
    std::map<std::string, int> states;
    for (const auto& bundle : host_->list()) ++states[runtime::stateName(bundle.state)];
    for (const auto& [state, count] : states)
      gauge("ox_bundles", "Bundles by state", count, {{"state", state}});
    if (managementServer_ == nullptr) return;
    const auto& counted = managementServer_->counters();
    counter("ox_management_requests_total", "Requests on the JMX and RMI ports",
            static_cast<double>(counted.requests));
    for (const auto& [reason, count] :
         {std::pair{"origin", counted.refusedOrigin.load()},
          std::pair{"credentials", counted.refusedCredentials.load()},
          std::pair{"size", counted.tooLarge.load()}})
      counter("ox_management_refused_total", "Refused requests on the JMX and RMI ports",
              static_cast<double>(count), {{"reason", reason}});
  }));
}

void Daemon::registerOperations() {
  registrations_.push_back(management_->addOperation(
      "Bundles/list", Access::kOpen,
      [this](const json&, const Caller&) -> Result<json> { return bundleList(host_->list()); }));
  registrations_.push_back(management_->addOperation(
      "Server/version", Access::kOpen, [](const json&, const Caller&) -> Result<json> {
        return json{{"version", OX_VERSION}};
      }));
  registrations_.push_back(
      management_->addOperation("Server/shutdown", Access::kMaster,
                                [this](const json&, const Caller& caller) -> Result<json> {
                                  log::info("shutdown asked for by '" + caller.user + "'");
                                  events_.push({Event::Kind::kStop, {}});
                                  return json{{"pid", getpid()}};
                                }));
  registrations_.push_back(management_->addOperation(
      "Server/reload", Access::kMaster, [this](const json&, const Caller&) -> Result<json> {
        // The main thread does it, in turn with everything else. When the node stops first it drops
        // the event, which breaks the promise.
        auto outcome = std::make_shared<std::promise<std::string>>();
        auto answer = outcome->get_future();
        if (!ready_ || !events_.push({Event::Kind::kReload, [outcome](const std::string& problem) {
                                        outcome->set_value(problem);
                                      }}))
          return Error(Code::kShutdown, "the node is starting, stopping or busy");
        outcome.reset();
        constexpr auto kLimit = std::chrono::seconds(60);
        if (answer.wait_for(kLimit) != std::future_status::ready)
          return Error(Code::kNetTimeout, "the configuration was not read within 60 s");
        const std::string problem = answer.get();
        if (!problem.empty()) return Error(Code::kConfig, problem);
        return json{{"reloaded", true}};
      }));
}

}  // namespace ox::server
