#include "settings.h"

#include <algorithm>
#include <filesystem>

#include "config/keys_hazelcast.h"
#include "config/keys_upgrade.h"
#include "config/rules.h"
#include "config/value.h"
#include "net/tls.h"

namespace ox::upgrade {
namespace {
namespace keys = config::keys;
using config::HostPort;
using config::Problem;
using Severity = Problem::Severity;

struct Reader {
  const config::Config& config;
  std::vector<Problem>& problems;
  template <typename T>
  void error(const config::Key<T>& key, std::string text) {
    problems.push_back(config::problemAt(config, key.info(), Severity::kError, std::move(text)));
  }
  std::string text(const config::Key<std::string>& key) const {
    return std::string(config::trimmed(config.get(key)));
  }
  std::string file(const config::Key<std::string>& key) const {
    const std::string path = text(key);
    if (path.empty()) return path;
    return (std::filesystem::path(config.directory()) / path).lexically_normal().string();
  }
};

std::string off(const std::string& why) { return "the older cluster is not informed: " + why; }

// "auto" and what the catalog refuses (then the default holds) mean the members' port.
std::uint16_t portOf(const Reader& reader) {
  const auto number = config::parseInt(reader.text(keys::kClientPort));
  return static_cast<std::uint16_t>(number ? *number : reader.config.get(keys::kNetworkPort));
}

// Listed twice = once; of two entries for one host and port the one of client.nodes counts.
void addNodes(Reader& reader, const config::Key<std::vector<std::string>>& key, std::uint16_t port,
              bool ofJoin, const Resolver& resolve, BridgeSettings& out) {
  const auto listed = config::parseHostList(reader.config.get(key));
  if (!listed) return reader.error(key, listed.error().message);
  for (HostPort node : *listed) {
    if (node.port == 0 || ofJoin) node.port = port;
    const bool known = std::any_of(out.nodes.begin(), out.nodes.end(), [&](const auto& n) {
      return n.at.host == node.host && n.at.port == node.port;
    });
    if (known) continue;
    if (resolve && !node.numeric)
      if (const auto found = resolve(node.host); !found)
        reader.error(key, "\"" + node.host + "\" cannot be resolved: " + found.error().message);
    out.nodes.push_back({std::move(node), ofJoin});
  }
}

void readTls(Reader& reader, BridgeSettings& out) {
  if (!reader.config.get(keys::kGridSsl)) return;
  net::TlsCertificates tls;
  tls.keys = {reader.file(keys::kGridSslKeyStore), reader.config.get(keys::kGridSslKeyStorePassword)};
  tls.trusted = {reader.file(keys::kGridSslTrustStore),
                 reader.config.get(keys::kGridSslTrustStorePassword)};
  tls.allow12 = true;  // the older line's Java may know nothing newer
  const auto opened = net::TlsContext::make(tls);
  if (opened) out.tls = *opened;
  else reader.error(keys::kGridSslTrustStore, opened.error().message);
}

}  // namespace

BridgeSettings readBridgeSettings(const LegacyLine& line, const config::Config& config,
                                  const Resolver& resolve, std::vector<Problem>& problems) {
  BridgeSettings out;
  Reader reader{config, problems};
  out.windowMillis = config.get(keys::kUpgradeWindowMillis);
  out.attempts = static_cast<int>(config.get(keys::kUpgradeAttempts));
  out.stateDirectory = reader.text(keys::kUpgradeStateDirectory);
  if (!config.get(keys::kHazelcastEnabled)) {
    out.inactive = off(keys::kHazelcastEnabled.name() + "=false");
    return out;
  }
  if (config::lowered(reader.text(keys::kNetworkJoin)) == "empty") {
    out.inactive = off(keys::kNetworkJoin.name() + "=empty: this node is in no cluster");
    return out;
  }
  if (config.get(keys::kSymmetricEncryption)) {
    out.inactive = off(keys::kSymmetricEncryption.name() +
                       "=true, and a client of an older cluster cannot speak that; restart its nodes "
                       "after the update instead");
    out.warn = true;
    return out;
  }
  const std::uint16_t port = portOf(reader);
  addNodes(reader, keys::kClientNodes, port, false, resolve, out);
  addNodes(reader, keys::kStaticNodes, port, true, resolve, out);
  if (out.nodes.empty())
    out.inactive = off("no address in " + keys::kStaticNodes.name() + " or " +
                       keys::kClientNodes.name());
  const std::string group = reader.text(keys::kGroupName);
  if (group.empty()) reader.error(keys::kGroupName, "is missing: the older cluster has a name");
  for (const std::string& suffix : line.suffixes) out.groups.push_back(group + suffix);
  if (line.password)
    if (const std::string secret = config.get(keys::kGroupPassword); !secret.empty())
      out.password = secret;
  readTls(reader, out);
  return out;
}

std::vector<hzclient::Endpoint> endpointsNow(const BridgeSettings& settings,
                                             const std::vector<OwnMember>& own,
                                             const Resolver& resolve,
                                             std::vector<std::string>& failed) {
  std::vector<hzclient::Endpoint> out;
  for (const auto& node : settings.nodes) {
    const auto found = node.at.numeric ? Result<std::vector<std::string>>({node.at.host})
                                       : resolve(node.at.host);
    if (!found) {
      failed.push_back(node.at.host + ": " + found.error().message);
      continue;
    }
    for (const std::string& host : *found) {
      // A host of our cluster's list at which a member of ours is runs the new release already.
      const bool ours = std::any_of(own.begin(), own.end(), [&](const OwnMember& m) {
        return m.host == host && (node.ofJoin || m.port == node.at.port);
      });
      const bool known = std::any_of(out.begin(), out.end(), [&](const auto& e) {
        return e.host == host && e.port == node.at.port;
      });
      if (!ours && !known && out.size() < hzclient::kMaxAddresses)
        out.push_back({host, node.at.port});
    }
  }
  return out;
}

std::string planText(const BridgeSettings& settings) {
  std::string out;
  for (const auto& node : settings.nodes)
    out += (out.empty() ? "" : ", ") +
           (node.at.host.find(':') == std::string::npos ? node.at.host : "[" + node.at.host + "]") +
           ":" + std::to_string(node.at.port);
  out += " as group ";
  for (std::size_t i = 0; i < settings.groups.size(); ++i)
    out += (i == 0 ? "" : " or ") + settings.groups[i];
  return out;
}

}  // namespace ox::upgrade
