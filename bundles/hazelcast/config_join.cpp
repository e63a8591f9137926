// Settings of the grid: how members find each other, and the network.
#include <algorithm>

#include "config/host_list.h"
#include "config/keys_hazelcast.h"
#include "config/keys_hazelcast_join.h"
#include "config/value.h"
#include "config_reader.h"
#include "discovery/dns_book.h"
#include "net/interfaces.h"

namespace ox::grid {
namespace {
namespace keys = config::keys;

constexpr const char* kInsteadOfAws =
    "joining by \"aws\" is not part of this product; allowed instead: \"dns\" with a name whose "
    "records are the instances (a private Route 53 zone or Cloud Map), \"kubernetes\" on EKS, or "
    "\"static\" with the list of nodes";

// The form is checked with the file (config/key_checks.h).
std::vector<net::PortRange> readPortRanges(const std::vector<std::string>& items) {
  std::vector<net::PortRange> out;
  for (const auto& item : items) {
    const auto dash = item.find('-');
    const auto first = config::parseInt(item.substr(0, dash));
    const auto last = dash == std::string::npos ? first : config::parseInt(item.substr(dash + 1));
    if (first && last && *first >= 1 && *first <= *last && *last <= 65535)
      out.push_back({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)});
  }
  return out;
}

bool isDnsName(const std::string& name) {
  // A service name has labels that begin with an underscore; the rest is a host name.
  std::string plain = name;
  std::erase(plain, '_');
  return config::isHostName(plain);
}

void readStatic(const config::Config& config, GridConfig& out, Reader& reader) {
  if (reader.given(keys::kStaticNodes)) {
    auto nodes = config::parseHostList(config.get(keys::kStaticNodes));
    if (!nodes) return reader.error(keys::kStaticNodes, nodes.error().message);
    out.nodes = std::move(*nodes);
  }
  for (const auto& node : out.nodes)
    if (node.numeric && !dialable(node.host))
      reader.error(keys::kStaticNodes,
                   "\"" + node.host + "\" is no address that another member can be reached at; "
                   "allowed: IPv4 and IPv6 addresses that are neither unspecified nor multicast "
                   "nor link-local (a scope such as %eth0 means something on one node only)");
  if (out.nodes.empty())
    reader.error(keys::kStaticNodes, "join \"static\" needs at least one node, e.g. "
                                     "10.0.0.15,10.0.0.16");
}

void readResolver(const config::Config& config, GridConfig& out) {
  out.dns.resolverHost = std::string(config::trimmed(config.get(keys::kDnsResolverHost)));
  const auto port = config.get(keys::kDnsResolverPort);
  out.dns.resolverPort = port < 1 ? 53 : static_cast<std::uint16_t>(port);
  out.dns.refreshMillis = config.get(keys::kDnsRefreshMillis);
}

void readDns(const config::Config& config, GridConfig& out, Reader& reader) {
  if (reader.given(keys::kDnsDomainNames)) out.dns.names = config.get(keys::kDnsDomainNames);
  if (out.dns.names.empty())
    return reader.error(keys::kDnsDomainNames,
                        "join \"dns\" needs at least one name, e.g. grid.example.com or "
                        "_hazelcast._tcp.example.com");
  if (out.dns.names.size() > kMaxDnsNames)
    reader.error(keys::kDnsDomainNames, "lists " + std::to_string(out.dns.names.size()) +
                                            " names; allowed: at most " +
                                            std::to_string(kMaxDnsNames));
  for (const auto& name : out.dns.names)
    if (!isDnsName(name))
      reader.error(keys::kDnsDomainNames, "\"" + name.substr(0, 80) + "\" is no DNS name");
}

void readKubernetes(const config::Config& config, GridConfig& out, Reader& reader) {
  const std::string service(config::trimmed(config.get(keys::kK8sServiceName)));
  const std::string nameSpace(config::trimmed(config.get(keys::kK8sNamespace)));
  if (service.empty() && !out.dns.names.empty() && !out.dns.names.front().empty())
    return;  // hazelcast.xml names it
  if (service.empty())
    return reader.error(keys::kK8sServiceName,
                        "join \"kubernetes\" needs the name of the headless service of the nodes");
  if (!isDnsName(service))
    return reader.error(keys::kK8sServiceName, "\"" + service.substr(0, 80) + "\" is no DNS name");
  if (!nameSpace.empty() && !isDnsName(nameSpace))
    return reader.error(keys::kK8sNamespace, "\"" + nameSpace.substr(0, 80) + "\" is no DNS name");
  out.dns.names = {serviceDnsName(service, nameSpace)};
}

}  // namespace

void readJoin(const config::Config& config, GridConfig& out, Reader& reader) {
  if (reader.given(keys::kNetworkJoin))
    out.join = config::lowered(config::trimmed(config.get(keys::kNetworkJoin)));
  if (reader.given(keys::kMulticastGroup))
    out.multicast.group = std::string(config::trimmed(config.get(keys::kMulticastGroup)));
  if (reader.given(keys::kMulticastPort))
    out.multicast.port = static_cast<std::uint16_t>(config.get(keys::kMulticastPort));
  if (reader.given(keys::kMulticastTimeToLive))
    out.multicast.timeToLive = static_cast<int>(config.get(keys::kMulticastTimeToLive));
  if (reader.given(keys::kMulticastLoopback))
    out.multicast.loopback = config.get(keys::kMulticastLoopback);
  readResolver(config, out);
  if (out.join == "aws") reader.error(keys::kNetworkJoin, kInsteadOfAws);
  else if (out.join == "static") readStatic(config, out, reader);
  else if (out.join == "dns") readDns(config, out, reader);
  else if (out.join == "kubernetes") readKubernetes(config, out, reader);
  else if (out.join != "empty" && out.join != "multicast")
    reader.error(keys::kNetworkJoin, "\"" + out.join + "\" is no way to join; allowed are empty, "
                                     "static, multicast, dns and kubernetes");
}

void readNetwork(const config::Config& config, const std::vector<std::string>& local,
                 GridConfig& out, Reader& reader) {
  if (reader.given(keys::kEnableIPv6)) out.ipv6 = config.get(keys::kEnableIPv6);
  std::vector<std::string> usable;
  for (const auto& address : local)
    if (out.ipv6 || address.find(':') == std::string::npos) usable.push_back(address);

  bool bindAny = config.get(keys::kSocketBindAny);
  if (const std::string bindAnyText = reader.text(keys::kPassBindAny); !bindAnyText.empty())
    bindAny = config::parseBool(bindAnyText).valueOr(bindAny);
  const auto raw = config.raw(keys::kNetworkInterfaces.name());
  std::vector<std::string> patterns =
      raw || !out.xmlInterfaces ? config.get(keys::kNetworkInterfaces) : *out.xmlInterfaces;
  if (patterns.empty()) {
    out.bindHost = out.ipv6 ? "::" : "0.0.0.0";
    out.announcedHost = usable.empty() ? "127.0.0.1" : usable.front();
    out.interfacesChosen = false;
  } else {
    const auto picked = net::pickAddress(patterns, usable);
    if (!picked) reader.error(keys::kNetworkInterfaces, picked.error().message);
    else out.bindHost = out.announcedHost = *picked;
    if (bindAny) out.bindHost = out.ipv6 ? "::" : "0.0.0.0";
  }
  if (out.join == "multicast" && out.interfacesChosen &&
      out.announcedHost.find(':') != std::string::npos)
    reader.error(keys::kNetworkInterfaces,
                 "join \"multicast\" needs an IPv4 address, and this chooses " + out.announcedHost);

  const std::string offset = config::lowered(config::trimmed(config.get(keys::kNetworkPortOffset)));
  std::int64_t added = kAutoPortOffset;
  if (offset != "auto") {
    const auto given = config::parseInt(offset);
    added = given ? *given : -1;
    if (added < 0 || added > 65534) {
      reader.error(keys::kNetworkPortOffset, "\"" + offset + "\" is not an offset; allowed are "
                                             "auto (10) and 0..65534");
      added = 0;
    }
  }
  const std::int64_t base =
      reader.given(keys::kNetworkPort) ? config.get(keys::kNetworkPort) : out.basePort;
  const std::int64_t port = base + added;
  if (port < 1 || port > 65535)
    reader.error(keys::kNetworkPortOffset, "port plus offset is " + std::to_string(port) +
                                         ", allowed is 1..65535");
  else
    out.port = static_cast<std::uint16_t>(port);
  if (reader.given(keys::kOutboundPortDefinitions))
    out.outboundPorts = readPortRanges(config.get(keys::kOutboundPortDefinitions));
  if (reader.given(keys::kNetworkPortAutoIncrement))
    out.portTries = config.get(keys::kNetworkPortAutoIncrement) ? kAutoIncrementPorts : 1;
}

}  // namespace ox::grid
