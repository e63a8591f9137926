// DNS questions to a chosen name server: A, AAAA and SRV (c-ares).
//
// Purpose:   what the system's resolver cannot do: ask another server and port, and ask for SRV.
//            Without a server the system's configuration counts (resolv.conf with its search
//            domains, hosts file for addresses).
// Threads:   any; a call blocks until it is answered, kDnsMillis at most: worker threads only.
// Bounds:    kMaxDnsAddresses addresses and kMaxDnsServices services of one name; the rest is left
//            out. A truncated answer is asked for again by TCP.
// Errors:    kNotFound: the server says that there is no such name or record. kNetTimeout, kIo:
//            nothing is known (no answer, refused, malformed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace ox::net {

inline constexpr std::int64_t kDnsMillis = 5000;
inline constexpr int kDnsTryMillis = 1000;
inline constexpr int kDnsTries = 2;
inline constexpr std::size_t kMaxDnsAddresses = 1000;
inline constexpr std::size_t kMaxDnsServices = 200;

struct DnsServer {
  std::string host;         // empty = the system's name servers; a name is resolved by the system
  std::uint16_t port = 53;
};
struct DnsService {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  bool operator==(const DnsService&) const = default;
};

// Numeric addresses, sorted; AAAA as well when `ipv6`.
Result<std::vector<std::string>> dnsAddresses(const DnsServer& server, const std::string& name,
                                              bool ipv6);
// By priority, then weight downwards.
Result<std::vector<DnsService>> dnsServices(const DnsServer& server, const std::string& name);

}  // namespace ox::net
