// How this member finds others, from hazelcast.properties and hazelcast.xml. Plain values.
//
// Source of keys and defaults: the original's hazelcast.properties, "network.join.*".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/host_list.h"

namespace ox::grid {

struct MulticastSettings {
  std::string group = "224.2.2.3";
  std::uint16_t port = 54327;
  int timeToLive = 32;            // hops; 0 = this machine only
  bool loopback = true;           // members on the same machine hear each other
  bool operator==(const MulticastSettings&) const = default;
};

struct DnsSettings {
  std::vector<std::string> names;  // "_service._proto.domain" is asked for SRV, others for A and AAAA
  std::string resolverHost;        // empty = the system's name servers
  std::uint16_t resolverPort = 53;
  std::int64_t refreshMillis = 60'000;
  bool operator==(const DnsSettings&) const = default;
};

struct DiscoverySettings {
  std::string mode = "empty";     // empty | static | multicast | dns | kubernetes
  std::vector<config::HostPort> nodes;  // static
  MulticastSettings multicast;
  DnsSettings dns;                // dns, and kubernetes: the name of the headless service
};

}  // namespace ox::grid
