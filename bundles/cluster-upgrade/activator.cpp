#include "activator.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "config/check.h"
#include "config/keys_hazelcast.h"
#include "config/rules.h"
#include "net/interfaces.h"
#include "net/workers.h"
#include "services/grid.h"

namespace ox::upgrade {
namespace {
using config::Problem;

Result<std::vector<std::string>> resolve(const std::string& host) { return net::resolve(host, true); }

std::vector<OwnMember> ownMembers(const std::shared_ptr<services::Grid>& grid) {
  std::vector<OwnMember> out;
  if (!grid) return out;
  for (const auto& m : grid->state().members) out.push_back({m.host, m.port});
  return out;
}

// With dashes, as the original's listeners have it.
std::string newUuid() {
  const std::string hex = secureHex(16);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

nlohmann::json answerOf(const Outcome& outcome) {
  auto members = nlohmann::json::array();
  for (const auto& m : outcome.members) members.push_back(m.toString());
  return {{"address", outcome.address}, {"version", outcome.version}, {"group", outcome.group},
          {"members", members}, {"millis", outcome.millis}};
}

void metrics(const Bridge& bridge, std::vector<management::MetricSample>& out) {
  const BridgeCounters c = bridge.counters();
  const auto add = [&](const char* name, const char* help, bool counter, double value) {
    out.push_back({name, help, counter, {{"package", bridge.name()}}, value});
  };
  add("ox_upgrade_bridge_visits_total", "Visits to the older cluster", true,
      static_cast<double>(c.visits));
  add("ox_upgrade_bridge_delivered_total", "Visits that delivered", true,
      static_cast<double>(c.delivered));
  add("ox_upgrade_bridge_retries_total", "Visits that are repeated", true,
      static_cast<double>(c.retries));
  add("ox_upgrade_bridge_undelivered_total", "Batches the older cluster was not told of", true,
      static_cast<double>(c.undelivered));
  add("ox_upgrade_bridge_last_millis", "What the last visit that delivered took", false,
      static_cast<double>(c.lastMillis));
}

}  // namespace

std::shared_ptr<void> checkLine(const LegacyLine& line) {
  return config::registerCheck([&line](const config::Config& config,
                                       std::vector<Problem>& problems) {
    const BridgeSettings settings = readBridgeSettings(line, config, {}, problems);
    const auto warn = [&](const auto& key, const std::string& text) {
      problems.push_back(
          config::problemAt(config, key.info(), Problem::Severity::kWarn, std::move(text)));
    };
    if (!settings.inactive.empty())
      return warn(config::keys::kClientNodes,
                  line.package() + " is installed, but " + settings.inactive);
    // Name servers may be back by the time of a start; a start refuses names that nobody knows.
    for (const auto& node : settings.nodes)
      if (!node.at.numeric)
        if (const auto found = resolve(node.at.host); !found)
          warn(node.ofJoin ? config::keys::kStaticNodes : config::keys::kClientNodes,
               "\"" + node.at.host + "\" cannot be resolved: " + found.error().message);
    warn(config::keys::kClientNodes, line.package() + " is installed and contacts " +
                                         planText(settings) + "; uninstall it after the upgrade");
  });
}

Status UpgradeActivator::start(runtime::BundleContext& context) {
  const auto service = context.need<config::ConfigService>("config");
  const auto shards = context.need<net::ShardSet>("shards");
  const auto workers = context.need<net::Workers>("workers");
  const auto management = context.need<management::Management>("management");
  const auto events = context.need<services::CacheEvents>("cache-events");
  if (!service || !shards || !workers || !management || !events)
    return Error(Code::kBundleMissingService,
                 "an upgrade bridge needs config, shards, workers, management and cache-events");
  const std::string name = line_.bundleName();
  log::info("Starting bundle: " + name);
  std::vector<Problem> problems;
  BridgeSettings settings = readBridgeSettings(line_, *service->current(), resolve, problems);
  if (!settings.inactive.empty()) {
    (settings.warn ? log::warn : log::info)(name + ": " + settings.inactive,
                                            std::source_location::current());
    context.switchedOff = settings.inactive;
    return {};
  }
  std::string errors;
  for (const auto& p : problems)
    if (p.severity == Problem::Severity::kError)
      errors += (errors.empty() ? "" : "; ") + p.toString();
  if (!errors.empty()) return Error(Code::kConfig, errors);

  presence_ = std::make_shared<Presence>(settings.stateDirectory, line_.package());
  const std::string over = presence_->begin(systemClock().wallMillis());
  if (!over.empty())
    log::warn(name + ": " + over);
  else
    log::warn(name + ": invalidations are forwarded to the older cluster at " + planText(settings) +
              ". Remember to uninstall the package open-xchange-" + line_.package() +
              " after the upgrade");
  Surroundings around;
  around.shard = &shards->at(0);
  around.random = &secureRandom();
  around.background = [workers](std::function<void()> task) {
    return workers->submit(std::move(task));
  };
  around.resolve = resolve;
  around.ownMembers = [grid = context.need<services::Grid>("grid")] { return ownMembers(grid); };
  bridge_ = Bridge::make(line_, std::move(settings), std::move(around), newUuid(),
                         [presence = presence_] { presence->heard(systemClock().wallMillis()); });
  for (const char* region : {services::kRegionSchema, services::kRegionContext})
    subscriptions_.push_back(events->subscribe(
        region, [bridge = bridge_](const services::CacheEvent& event, bool fromRemote) {
          bridge->heard(event, fromRemote);
        }));
  registrations_.push_back(management->addMetrics(
      [bridge = bridge_](std::vector<management::MetricSample>& out) { metrics(*bridge, out); }));
  registrations_.push_back(management->addOperation(
      "UpgradeBridge/check-" + line_.release, management::Access::kMaster,
      [bridge = bridge_](const nlohmann::json&, const management::Caller&) -> Result<nlohmann::json> {
        const Outcome outcome = bridge->check();
        if (!outcome.status.ok()) return outcome.status.error();
        return answerOf(outcome);
      }));
  context.offer<services::UpgradeBridge>("upgrade-bridge", bridge_);
  return {};
}

void UpgradeActivator::stop() {
  subscriptions_.clear();
  registrations_.clear();
  if (bridge_) {
    log::info("Stopping bundle: " + line_.bundleName());
    bridge_->stop();
  }
  bridge_.reset();
  presence_.reset();
}

}  // namespace ox::upgrade
