// BridgeSettings: whom the bridge contacts and how, from hazelcast.properties.
//
// Threads:   plain values. readBridgeSettings() reads certificates and asks the system's resolver
//            when `resolve` is given: not on a loop.
// Errors:    Problems with file, line and key. What only switches the bridge off is no problem: it is
//            said in `inactive`.
// Source:    keys and cases of the original's upgrade bundles (join empty, no address, symmetric
//            encryption, name that cannot be resolved).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/host_list.h"
#include "hzclient/client.h"
#include "line.h"

namespace ox::upgrade {

struct BridgeSettings {
  std::string inactive;  // one sentence; empty = the bridge works
  bool warn = false;     // the sentence is a warning
  // Nodes of join.static.nodes (which become ours one by one) and of network.client.nodes, with ports.
  struct Node {
    config::HostPort at;
    bool ofJoin = false;
  };
  std::vector<Node> nodes;
  std::vector<std::string> groups;  // names of the older cluster, tried in this order
  std::optional<std::string> password;
  std::shared_ptr<const net::TlsContext> tls;
  std::int64_t windowMillis = 0;    // events so close together travel together
  int attempts = 1;
  std::string stateDirectory;       // empty = nothing is remembered
  hzclient::Identity identity;      // what the client says it is
};

using Resolver = std::function<Result<std::vector<std::string>>(const std::string& host)>;

// Without `resolve` names are not looked up.
BridgeSettings readBridgeSettings(const LegacyLine& line, const config::Config& config,
                                  const Resolver& resolve,
                                  std::vector<config::Problem>& problems);

// Whom to dial now: numeric addresses in the order of the nodes, each once, without those at which a
// member of our own cluster is. `failed`: names that could not be looked up.
struct OwnMember {
  std::string host;
  std::uint16_t port = 0;
};
std::vector<hzclient::Endpoint> endpointsNow(const BridgeSettings& settings,
                                             const std::vector<OwnMember>& own,
                                             const Resolver& resolve,
                                             std::vector<std::string>& failed);

// "10.0.0.15:5701, node2:5701 as group ox-3.12 or ox".
std::string planText(const BridgeSettings& settings);

}  // namespace ox::upgrade
