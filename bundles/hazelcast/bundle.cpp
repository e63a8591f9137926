// The module: starts one member of the grid and offers it as "grid".
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "config/check.h"
#include "config/keys_hazelcast.h"
#include "engine.h"
#include "mbeans.h"
#include "net/interfaces.h"
#include "runtime/bundle.h"

namespace ox::grid {
namespace {

// The original's records: a blank line, the product's name, the text indented.
void say(log::Level level, const std::string& text,
         std::source_location where = std::source_location::current()) {
  log::write(level, "\nHazelcast:\n    " + text, where);
}

void check(const config::Config& config, std::vector<config::Problem>& problems) {
  if (!config.get(config::keys::kHazelcastEnabled)) return;  // the rest is not used
  readGridConfig(config, net::localAddresses(), problems);
}

// The original's sentences.
std::string joinText(const DiscoverySettings& s) {
  if (s.mode == "static")
    return "Using network join \"static\" with " + std::to_string(s.nodes.size()) + " listed nodes";
  if (s.mode == "multicast")
    return "Using network join \"multicast\" with group " + s.multicast.group + ":" +
           std::to_string(s.multicast.port);
  if (s.mode == "dns" || s.mode == "kubernetes") {
    std::string names;
    for (const auto& n : s.dns.names) names += (names.empty() ? "" : ", ") + n;
    return (s.mode == "dns" ? "Using DNS-based network join with " : "Using kubernetes network join with ") +
           names + " by " +
           (s.dns.resolverHost.empty()
                ? std::string("the name servers of the system")
                : s.dns.resolverHost + ":" + std::to_string(s.dns.resolverPort)) +
           ", every " + std::to_string(s.dns.refreshMillis) + " ms";
  }
  return "Using empty network join: this node starts alone";
}

// As soon as the module is loaded, so that --check-config shows these mistakes, too.
const std::shared_ptr<void> gCheck = config::registerCheck(check);

// reloadEncryption() has said what is wrong with these.
bool encryptionKey(const std::string& key) {
  return key.starts_with(config::keys::kGridSsl.name()) ||
         key.starts_with(config::keys::kSymmetricEncryption.name());
}

class HazelcastActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    const auto service = context.need<config::ConfigService>("config");
    const auto shards = context.need<net::ShardSet>("shards");
    const auto workers = context.need<net::Workers>("workers");
    const auto management = context.need<management::Management>("management");
    if (!service || !shards || !workers || !management)
      return Error(Code::kUnavailable, "the grid needs config, shards, workers and management");

    say(log::Level::kInfo, "Starting...");
    std::vector<config::Problem> problems;
    GridConfig config = readGridConfig(*service->current(), net::localAddresses(), problems);
    if (!config.enabled) {
      say(log::Level::kInfo, "Start of the grid denied per configuration "
                             "(com.openexchange.hazelcast.enabled=false)");
      context.switchedOff = config::keys::kHazelcastEnabled.name() + "=false";
      return {};
    }
    std::string errors;
    for (const auto& p : problems) {
      if (p.severity == config::Problem::Severity::kWarn) log::warn(p.toString());
      else errors += (errors.empty() ? "" : "; ") + p.toString();
    }
    if (!errors.empty()) {
      say(log::Level::kError, "Error starting \"com.openexchange.hazelcast\": " + errors);
      return Error(Code::kConfig, errors);
    }

    say(log::Level::kInfo, joinText(config.discovery()));
    say(log::Level::kInfo, "Creating new hazelcast instance for cluster " + config.clusterName);
    const std::int64_t begin = systemClock().steadyMillis();
    engine_ = std::make_shared<Engine>(std::move(config), shards, workers);
    if (const Status started = engine_->start(); !started) {
      engine_.reset();
      say(log::Level::kError,
          "Error starting \"com.openexchange.hazelcast\": " + started.error().toString());
      return started;
    }
    if (!engine_->waitJoined(kJoinWaitMillis))
      log::warn("this member has not joined a cluster yet; it goes on trying");
    say(log::Level::kInfo, "Instance " + engine_->instanceName() + " successfully created in " +
                               std::to_string(systemClock().steadyMillis() - begin) + " ms");
    shown_ = showGrid(*management, engine_);
    reload_ = service->onReload([weak = std::weak_ptr<Engine>(engine_)](
                                    const config::Config&, const config::Config& after) {
      const auto engine = weak.lock();
      if (!engine) return;
      engine->reloadEncryption(after);
      std::vector<config::Problem> found;
      GridConfig changed = readGridConfig(after, net::localAddresses(), found);
      for (const auto& p : found)
        if (p.severity == config::Problem::Severity::kError && !encryptionKey(p.key))
          return log::warn("the reloaded lists of nodes are not used: " + p.toString());
      changed.join = engine->config().join;  // the way itself needs a restart
      engine->setDiscovery(changed.discovery());
    });
    context.offer<services::Grid>("grid", engine_);
    return {};
  }

  void stop() override {
    if (!engine_) return;
    reload_.reset();
    say(log::Level::kInfo, "Awaiting graceful shut-down of instance " + engine_->instanceName());
    const std::int64_t begin = systemClock().steadyMillis();
    // Shown until the end: an operator watches the hand-over.
    if (!engine_->stop())
      say(log::Level::kWarn, "Forcing immediate shut-down: the hand-over did not end in time");
    shown_.clear();
    say(log::Level::kInfo, "Shutdown completed after " +
                               std::to_string(systemClock().steadyMillis() - begin) + " ms");
    engine_.reset();
  }

 private:
  std::shared_ptr<Engine> engine_;
  std::vector<management::Registration> shown_;
  std::shared_ptr<void> reload_;
};

}  // namespace
}  // namespace ox::grid

OX_BUNDLE("hazelcast", OX_VERSION, "config,shards,workers,management", "grid",
          ox::grid::HazelcastActivator)
