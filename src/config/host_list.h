// Lists of hosts as in com.openexchange.hazelcast.network.join.static.nodes.
//
// Accepted: host, host:port, 10.0.0.1, 10.0.0.1:5701, fe80::1 (no port), [fe80::1], [fe80::1]:5701.
// Threads:  pure functions; names are not resolved here.
// Errors:   kConfig, message names the item and what is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ox::config {

constexpr std::size_t kMaxListedHosts = 1000;

struct HostPort {
  std::string host;         // without brackets
  std::uint16_t port = 0;   // 0 = not given
  bool numeric = false;     // host is an IP address
  bool operator==(const HostPort&) const = default;
};

Result<HostPort> parseHostPort(std::string_view item);
Result<std::vector<HostPort>> parseHostList(const std::vector<std::string>& items);

bool isIPv4(std::string_view text);
bool isIPv6(std::string_view text);   // without brackets and zone
bool isHostName(std::string_view text);

}  // namespace ox::config
