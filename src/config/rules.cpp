#include "config/rules.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "config/address_pattern.h"
#include "config/host_list.h"
#include "config/keys_admin.h"
#include "config/keys_hazelcast.h"
#include "config/keys_hazelcast_join.h"
#include "config/keys_management.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "config/keys_update.h"
#include "config/value.h"

namespace ox::config {
namespace {

using Severity = Problem::Severity;
constexpr std::int64_t kAutoPortOffset = 10;
constexpr std::int64_t kMaxBackups = 6;

class Rules {
 public:
  explicit Rules(const Config& config) : config_(config) {}

  std::vector<Problem> run() {
    if (config_.get(keys::kHazelcastEnabled)) grid();
    structures();
    sessions();
    ports();
    management();
    updates();
    return std::move(out_);
  }

 private:
  template <typename T>
  void error(const Key<T>& key, std::string text) {
    out_.push_back(problemAt(config_, key.info(), Severity::kError, std::move(text)));
  }
  template <typename T>
  void warn(const Key<T>& key, std::string text) {
    out_.push_back(problemAt(config_, key.info(), Severity::kWarn, std::move(text)));
  }

  void grid() {
    const std::string join = config_.get(keys::kNetworkJoin);
    // What hazelcast.xml may set is judged by the grid itself, which reads it.
    const bool xml = std::filesystem::exists(config_.directory() + "/hazelcast/hazelcast.xml");
    if (!xml && join != "empty" && config_.get(keys::kGroupName).empty())
      error(keys::kGroupName, "is missing, but " + keys::kNetworkJoin.name() + " is \"" + join +
                                  "\"; allowed: the name of the cluster, or join=empty");
    if (!xml && join == "static" && config_.get(keys::kStaticNodes).empty())
      error(keys::kStaticNodes, "is empty, but " + keys::kNetworkJoin.name() +
                                    " is \"static\"; allowed: the nodes of the cluster, or join=empty");
    if (join == "dns" && config_.get(keys::kDnsDomainNames).empty())
      error(keys::kDnsDomainNames, "is empty, but " + keys::kNetworkJoin.name() +
                                       " is \"dns\"; allowed: at least one name");
    if (join == "kubernetes" && config_.get(keys::kK8sServiceName).empty())
      error(keys::kK8sServiceName, "is empty, but " + keys::kNetworkJoin.name() +
                                       " is \"kubernetes\"; allowed: the name of the headless service");
    if (join == "aws")
      error(keys::kNetworkJoin,
            "joining by \"aws\" is not part of this product; allowed instead: \"dns\" with a name "
            "whose records are the instances (a private Route 53 zone or Cloud Map), "
            "\"kubernetes\" on EKS, or \"static\" with the list of nodes");
    if (config_.get(keys::kHeartbeatIntervalSeconds) >= config_.get(keys::kMaxNoHeartbeatSeconds))
      error(keys::kMaxNoHeartbeatSeconds,
            "must be greater than " + keys::kHeartbeatIntervalSeconds.name() + " (" +
                std::to_string(config_.get(keys::kHeartbeatIntervalSeconds)) +
                "), or every member counts as dead between two signs of life; allowed: more than that");
    if (gridIsOpen(config_)) {
      const std::string text =
          "the grid can be reached from other machines, and whoever reaches it may join and read "
          "every session; set " + keys::kGroupPassword.name() + ", " + keys::kGridSsl.name() +
          " or " + keys::kSymmetricEncryption.name() + ", or ";
      if (config_.get(keys::kSocketBindAny)) warn(keys::kSocketBindAny, text + "set it to false");
      else warn(keys::kNetworkInterfaces, text + "limit it to loopback");
    }
  }

  void structures() {
    std::map<std::string, std::string> names;
    for (const auto& file : config_.files()) {
      if (file.rfind("hazelcast/", 0) != 0) continue;
      const auto settings = config_.file(file);
      const auto at = [&](const std::string& name, Severity severity, std::string text) {
        int line = 0;
        for (const auto& [key, setting] : settings)
          if (key == name) line = setting.line;
        out_.push_back({severity, file, line, name, std::move(text)});
      };
      const bool map = std::any_of(settings.begin(), settings.end(), [](const auto& s) {
        return s.first.rfind("com.openexchange.hazelcast.configuration.map.", 0) == 0;
      });
      if (!map) continue;
      const std::string name = config_.getFrom(file, keys::kMapName);
      if (name.empty())
        at(keys::kMapName.name(), Severity::kError, "is missing; allowed: the name of the map");
      else if (const auto [it, fresh] = names.emplace(name, file); !fresh)
        at(keys::kMapName.name(), Severity::kError,
           "the map \"" + name + "\" is described in " + it->second + " already; allowed: one file "
           "per map");
      const auto sync = config_.getFrom(file, keys::kMapBackupCount);
      const auto async = config_.getFrom(file, keys::kMapAsyncBackupCount);
      if (sync + async > kMaxBackups)
        at(keys::kMapAsyncBackupCount.name(), Severity::kError,
           "makes " + std::to_string(sync + async) + " copies together with backupCount; allowed: "
           "at most 6 in all");
    }
  }

  void sessions() {
    const auto shortLife = config_.get(keys::kSessionDefaultLifeTime).value;
    const auto longLife = config_.get(keys::kSessionLongLifeTime).value;
    if (longLife < shortLife)
      error(keys::kSessionLongLifeTime,
            "is shorter (" + std::to_string(longLife) + " ms) than " +
                keys::kSessionDefaultLifeTime.name() + " (" + std::to_string(shortLife) +
                " ms); allowed: at least as long");
    for (const auto& file : config_.files()) {
      if (file.rfind("hazelcast/", 0) != 0) continue;
      if (config_.getFrom(file, keys::kMapName).rfind("sessions-", 0) != 0) continue;
      const auto idle = config_.getFrom(file, keys::kMapMaxIdleSeconds);
      if (idle == 0 || idle * 1000 > longLife) continue;
      Problem p{Severity::kWarn, file, 0, keys::kMapMaxIdleSeconds.name(),
                "is not longer than " + keys::kSessionLongLifeTime.name() + " (" +
                    std::to_string(longLife / 1000) + " s): sessions vanish from the grid before "
                    "their time; allowed: more, or 0 for never"};
      for (const auto& [name, setting] : config_.file(file))
        if (name == p.key) p.line = setting.line;
      out_.push_back(std::move(p));
    }
  }

  void ports() {
    if (config_.get(keys::kHazelcastEnabled)) {
      const auto base = config_.get(keys::kNetworkPort);
      const auto offset =
          parseInt(config_.get(keys::kNetworkPortOffset)).valueOr(kAutoPortOffset);
      if (base + offset > 65535)
        error(keys::kNetworkPortOffset, "port and offset make " + std::to_string(base + offset) +
                                            "; allowed: at most 65535 together");
    }
    struct Listener {
      const Key<std::int64_t>& port;
      const Key<std::string>& host;
    };
    const Listener listeners[] = {{keys::kConnectorPort, keys::kConnectorHost},
                                  {keys::kJmxPort, keys::kJmxBindAddress},
                                  {keys::kRmiPort, keys::kRmiHost}};
    for (std::size_t i = 1; i < std::size(listeners); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const auto port = config_.get(listeners[i].port);
        if (port == 0 || port != config_.get(listeners[j].port)) continue;
        if (!meet(config_.get(listeners[i].host), config_.get(listeners[j].host))) continue;
        error(listeners[i].port, "is the port of " + listeners[j].port.name() +
                                     " too, on the same address; allowed: a port of its own");
      }
    }
  }

  // Whether two listeners with one port get in each other's way.
  static bool meet(const std::string& a, const std::string& b) {
    const auto every = [](const std::string& h) { return h == "*" || h == "0.0.0.0" || h == "::"; };
    return every(a) || every(b) || a == b || (loopbackHost(a) && loopbackHost(b) &&
                                              (a == "localhost" || b == "localhost"));
  }

  void management() {
    const bool login = config_.has(keys::kJmxLogin.name());
    const bool password = config_.has(keys::kJmxPassword.name());
    if (login != password)
      error(login ? keys::kJmxPassword : keys::kJmxLogin,
            "is missing, but the other half of user and password is set; allowed: both or neither");
    if (!loopbackHost(config_.get(keys::kJmxBindAddress)) && !(login && password))
      warn(keys::kJmxBindAddress,
           "the management interface can be reached from other machines without a login; set " +
               keys::kJmxLogin.name() + " and " + keys::kJmxPassword.name() + ", or use localhost");
    if (!loopbackHost(config_.get(keys::kRmiHost)) &&
        config_.get(keys::kMasterAuthenticationDisabled))
      warn(keys::kMasterAuthenticationDisabled,
           "everybody who reaches the provisioning interface is master administrator; allowed with "
           "care: false, or " + keys::kRmiHost.name() + "=localhost");
  }

  void updates() {
    auto refresh = config_.get(keys::kUpdateRefreshInterval);
    if (refresh <= 0) refresh = *parseInt(keys::kUpdateRefreshInterval.info().defaultText);
    for (const auto* key : {&keys::kUpdateLockedIdle, &keys::kUpdateBackgroundIdle}) {
      const auto idle = config_.get(*key);
      if (idle > 0 && idle <= refresh)
        error(*key, "is not longer than " + keys::kUpdateRefreshInterval.name() + " (" +
                        std::to_string(refresh) + " ms): a running update would be taken over; "
                        "allowed: more, or 0 for never");
    }
  }

  const Config& config_;
  std::vector<Problem> out_;
};

}  // namespace

Problem problemAt(const Config& config, const KeyInfo& key, Problem::Severity severity,
                  std::string text) {
  Problem out{severity, key.file, 0, key.name, std::move(text)};
  if (const auto setting = config.raw(key.name)) {
    out.file = setting->file;
    out.line = setting->line;
  }
  return out;
}

bool gridIsOpen(const Config& config) {
  if (!config.get(keys::kHazelcastEnabled) || config.has(keys::kGroupPassword.name())) return false;
  if (config.get(keys::kGridSsl) || config.get(keys::kSymmetricEncryption)) return false;
  if (config.get(keys::kSocketBindAny)) return true;
  const auto patterns = parsePatterns(config.get(keys::kNetworkInterfaces));
  if (!patterns) return false;  // an error of its own
  return patterns->empty() ||
         !std::all_of(patterns->begin(), patterns->end(),
                      [](const AddressPattern& p) { return p.loopbackOnly(); });
}

bool loopbackHost(const std::string& host) {
  return lowered(host) == "localhost" || host == "::1" ||
         (isIPv4(host) && host.rfind("127.", 0) == 0);
}

std::vector<Problem> checkRules(const Config& config) { return Rules(config).run(); }

}  // namespace ox::config
