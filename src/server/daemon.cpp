#include "server/daemon.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "config/keys_admin.h"
#include "config/keys_logging.h"
#include "config/keys_management.h"
#include "config/keys_server.h"
#include "config/keys_system.h"
#include "http/liveness.h"
#include "http/server.h"
#include "net/shard.h"
#include "net/workers.h"
#include "services/grid.h"

namespace ox::server {
namespace {

namespace keys = config::keys;

constexpr std::int64_t kWaitTellSeconds = 10;  // how often a node that waits to stop says so
constexpr const char* kKernel = "kernel";  // offerer of the services below the bundles

log::Level levelNamed(const std::string& name) {
  static const std::map<std::string, log::Level> kLevels = {{"DEBUG", log::Level::kDebug},
                                                            {"INFO", log::Level::kInfo},
                                                            {"WARN", log::Level::kWarn},
                                                            {"ERROR", log::Level::kError}};
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto found = kLevels.find(upper);
  return found == kLevels.end() ? log::Level::kInfo : found->second;
}

void openLog(const config::Config& config) {
  log::setLevel(levelNamed(config.get(keys::kLogLevel)));
  const std::string directory = config.get(keys::kLogDirectory);
  if (directory.empty()) return;
  if (!log::openFile(directory, static_cast<std::uint64_t>(config.get(keys::kLogMaxBytes)),
                     static_cast<int>(config.get(keys::kLogFiles))))
    log::warn("log directory " + directory + " (" + keys::kLogDirectory.name() +
              ") cannot be written; the log goes to standard error");
}

// The lines an operator of the original knows from the beginning of its log.
void logBanner(const config::Config& config) {
  utsname os{};
  uname(&os);
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  log::info(std::string("Open-Xchange ") + OX_VERSION);
  log::info(std::string("Operating system : ") + os.sysname + " " + os.machine + " " + os.release);
  log::info("Host name : " + std::string(host) + ", process " + std::to_string(getpid()) + ", " +
            std::to_string(std::thread::hardware_concurrency()) + " processors");
  log::info("Server name : " + config.get(keys::kServerName));
  log::info("Configuration : " + config.directory());
}

}  // namespace

Daemon::Daemon(std::shared_ptr<const config::Config> config, Events& events)
    : events_(events),
      config_(std::make_shared<config::ConfigService>(std::move(config))),
      startedWallMillis_(systemClock().wallMillis()),
      startedSteadyMillis_(systemClock().steadyMillis()) {}

Daemon::~Daemon() { stop(); }

Status Daemon::start(const std::string& bundleDirectory) {
  const auto config = config_->current();
  openLog(*config);
  logBanner(*config);
  for (const auto& problem : config->problems()) log::warn("Configuration: " + problem.toString());

  const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  const std::int64_t shards = config->get(keys::kShards);
  shards_ = std::make_shared<net::ShardSet>(static_cast<int>(shards == 0 ? cores : shards));
  workers_ = std::make_shared<net::Workers>(
      static_cast<int>(config->get(keys::kWorkers)),
      static_cast<std::size_t>(config->get(keys::kWorkersQueue)), "worker");
  startLiveness();
  management_ = std::make_shared<management::ManagementRegistry>();
  http_ = std::make_shared<http::HttpServer>(*config_, *shards_, *workers_);
  host_ = std::make_unique<runtime::Host>(services_);

  services_.offer<config::ConfigService>("config", config_, kKernel);
  services_.offer<net::ShardSet>("shards", shards_, kKernel);
  services_.offer<net::Workers>("workers", workers_, kKernel);
  services_.offer<management::Management>("management", management_, kKernel);
  services_.offer<http::HttpService>("http", http_, kKernel);
  registerManagement();
  registerOperations();
  http_->registerMetrics(*management_);
  if (auto status = startManagement(); !status) return status;

  if (auto status = host_->load(bundleDirectory); !status) return status;
  const int down = host_->start();
  if (down > 0)
    log::warn(std::to_string(down) + " bundles of " + bundleDirectory +
              " are not running; listbundles tells why");
  if (auto status = http_->start(); !status) return status;
  ready_ = true;
  log::info("Server initialized in " +
            std::to_string(systemClock().steadyMillis() - startedSteadyMillis_) +
            " ms. System is up & running...");
  return {};
}

// First of all, since a slow start is no reason to be killed. A port that is taken is told and no
// more, as in the original: the node does its work without the probe.
void Daemon::startLiveness() {
  const auto config = config_->current();
  liveness_ = std::make_unique<http::Liveness>(
      config->get(keys::kConnectorHost),
      static_cast<std::uint16_t>(config->get(keys::kLivenessPort)), *shards_, *workers_);
  if (const Status status = liveness_->start(); !status.ok())
    log::warn("no liveness probe (" + keys::kLivenessPort.name() + "): " +
              status.error().message);
}

Status Daemon::startManagement() {
  const auto config = config_->current();
  management::ManagementSettings settings;
  settings.jmxHost = config->get(keys::kJmxBindAddress);
  settings.jmxPort = static_cast<std::uint16_t>(config->get(keys::kJmxPort));
  settings.rmiHost = config->get(keys::kRmiHost);
  settings.rmiPort = static_cast<std::uint16_t>(config->get(keys::kRmiPort));
  settings.jmxLogin = config->get(keys::kJmxLogin);
  settings.jmxPassword = config->get(keys::kJmxPassword);
  settings.masterAuthenticationDisabled = config->get(keys::kMasterAuthenticationDisabled);
  if (!settings.jmxLogin.empty() && settings.jmxPassword.empty())
    return Error(Code::kConfigMissing, "management.properties: " + keys::kJmxLogin.name() +
                                           " is set without " + keys::kJmxPassword.name());
  const std::string mpasswd = config->directory() + "/mpasswd";
  settings.masterCheck = management::mpasswdCheck(mpasswd);
  if (settings.masterAuthenticationDisabled) {
    log::warn(keys::kMasterAuthenticationDisabled.name() +
              " is set: operations need no password");
  } else if (const auto usable = management::mpasswdUsable(mpasswd); !usable) {
    log::warn(usable.error().message);
  }
  managementServer_ =
      std::make_unique<management::ManagementServer>(management_, std::move(settings));
  if (auto status = managementServer_->start(); !status) return status;
  log::info("Management on ports " + std::to_string(managementServer_->jmxPort()) + " (JMX) and " +
            std::to_string(managementServer_->rmiPort()) + " (RMI)");
  return {};
}

std::string Daemon::reload() {
  if (const auto status = config_->reload(); !status) {
    ++failedReloads_;
    log::error("Configuration: " + status.error().message);
    return status.error().message;
  }
  log::setLevel(levelNamed(config_->current()->get(keys::kLogLevel)));
  host_->reload();
  log::info("Configuration was read again");
  return {};
}

void Daemon::run() {
  for (;;) {
    const Event event = events_.next();
    if (event.kind == Event::Kind::kStop) return;
    if (event.kind == Event::Kind::kStopWhenSafe) return waitUntilSafe();
    const std::string problem = reload();
    if (event.done) event.done(problem);
  }
}

// Goes on serving until the others can hold every copy, then the stop takes as long as it needs.
void Daemon::waitUntilSafe() {
  for (std::int64_t seconds = 0;; ++seconds) {
    const auto grid = services_.get<services::Grid>("grid");
    if (!grid) return;
    if (grid->safeWithoutMe()) return grid->handOverWithoutBound();
    if (seconds % kWaitTellSeconds == 0)
      log::warn("waiting to stop until it is safe: the other nodes cannot hold every copy of the "
                "data yet; start another node, or send SIGTERM to stop without waiting");
    const auto event = events_.next(std::chrono::seconds(1));
    if (!event) continue;
    if (event->kind == Event::Kind::kStop) return;
    if (event->kind != Event::Kind::kReload) continue;
    const std::string problem = reload();
    if (event->done) event->done(problem);
  }
}

void Daemon::stop() {
  if (stopped_) return;
  stopped_ = true;
  ready_ = false;
  events_.close();
  log::info("System is shutting down...");
  if (http_) http_->stop();
  if (host_) host_->stop();
  if (managementServer_) managementServer_->stop();
  registrations_.clear();
  services_.withdrawAll(kKernel);
  host_.reset();
  http_.reset();
  managementServer_.reset();
  liveness_.reset();
  if (workers_) workers_->stop();
  if (shards_) shards_->stop();
  log::info("System is down");
}

}  // namespace ox::server
