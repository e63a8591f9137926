// Settings of the grid, from hazelcast.properties and hazelcast/*.properties.
//
// Threads:   plain values; readGridConfig() at start and for --check-config.
// Errors:    every mistake is a Problem with file, line and key; a start with any error is refused.
// Source of keys and semantics: the original's hazelcast.properties and its data-structure files
// ("com.openexchange.hazelcast.configuration.map.<field>", one structure per file).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/host_list.h"
#include "discovery/settings.h"
#include "encryption.h"
#include "map/map_config.h"
#include "net/port_range.h"
#include "partition_groups.h"
#include "types.h"

namespace ox::grid {

inline constexpr int kAutoPortOffset = 10;      // so that no older product line shares the port
inline constexpr int kAutoIncrementPorts = 100;
inline constexpr const char* kDefaultGroup = "ox";

struct GridConfig {
  bool enabled = true;
  std::string clusterName;                      // with the generation's suffix
  std::string password;                         // empty = none
  GridEncryption encryption;                    // of the links
  bool lite = false;
  std::string join = "empty";                   // empty | static | multicast | dns | kubernetes
  std::vector<config::HostPort> nodes;          // of the static list
  MulticastSettings multicast;
  DnsSettings dns;
  std::string bindHost = "127.0.0.1";           // listens here
  std::string announcedHost = "127.0.0.1";      // what others are told
  bool interfacesChosen = true;                 // by patterns; false = every address of the machine
  std::int64_t basePort = 5701;                 // without the offset
  std::optional<std::vector<std::string>> xmlInterfaces;  // patterns of hazelcast.xml
  std::uint16_t port = 5711;                    // with the offset; 0 = any free one (tests)
  int portTries = kAutoIncrementPorts;
  bool ipv6 = false;
  std::vector<net::PortRange> outboundPorts;    // source ports of dialled links; empty = any
  std::int64_t connectMillis = 10'000;
  std::int64_t callTimeoutMillis = 30'000;
  std::int64_t heartbeatMillis = 1000;
  std::int64_t silenceMillis = 10'000;
  std::int64_t leaveMillis = 10'000;
  std::int64_t migrationBytesPerSecond = 0;  // sent by this member; 0 = no limit
  std::int64_t mergeFirstMillis = 120'000;      // first look for the other half of a split cluster
  std::int64_t mergeNextMillis = 120'000;       // then this often
  int partitionCount = kDefaultPartitionCount;
  std::int64_t maxBytes = 0;                    // of entries on this member; 0 = no limit
  std::int64_t discardableMaxBytes = 0;         // of entries of discardable maps
  std::int64_t tombstoneMillis = 3'600'000;     // how long removals are remembered
  PartitionGroups partitionGroup;
  DiscoverySettings discovery() const { return {join, nodes, multicast, dns}; }
  std::shared_ptr<const MapConfigs> maps = std::make_shared<MapConfigs>();
};

// `localAddresses`: of this machine (net/interfaces.h), the ones others can reach first.
GridConfig readGridConfig(const config::Config& config,
                          const std::vector<std::string>& localAddresses,
                          std::vector<config::Problem>& problems);

}  // namespace ox::grid
