// The addresses of this machine, and names to addresses.
//
// Threads:   any. resolve() blocks (system resolver): worker threads only.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace ox::net {

// Numeric addresses of the interfaces that are up; loopback ones last, IPv4 before IPv6.
std::vector<std::string> localAddresses();
bool isLoopback(const std::string& address);
bool isNumericAddress(const std::string& text);
// Distinct numeric addresses of a name, or the address itself; at most kMaxResolved.
inline constexpr std::size_t kMaxResolved = 16;
Result<std::vector<std::string>> resolve(const std::string& host, bool ipv6);

// Which local address to listen on, by patterns such as "10.0.0.*" or "10.3.10-20.1"
// (config/address_pattern.h). The first of `local` that some pattern matches; otherwise kConfig,
// with the patterns and all addresses there are.
Result<std::string> pickAddress(const std::vector<std::string>& patterns,
                                const std::vector<std::string>& local);

}  // namespace ox::net
