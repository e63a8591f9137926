// What the names of join=dns have led to: the decisions of DNS discovery, without a name server.
//
// A name that cannot be asked for a while keeps its former addresses; one that the name server
// says does not exist, or has no record, has none. Looks are frequent while this member is alone
// or a name fails, else every refreshMillis.
//
// Threads: none.
// Bounds:  one entry per configured name; the addresses of a name are bounded where they are read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "discovery/candidates.h"
#include "discovery/settings.h"

namespace ox::grid {

inline constexpr std::int64_t kEagerDnsMillis = 2000;
inline constexpr std::size_t kMaxDnsNames = 100;

// "_hz._tcp.example.com" is asked for SRV records, any other name for A and AAAA.
bool isServiceName(const std::string& name);
// The DNS name of a Kubernetes service; with a dot in `service` it is one already.
std::string serviceDnsName(const std::string& service, const std::string& nameSpace);

class DnsBook {
 public:
  using Answer = Result<std::vector<Address>>;
  // One whole look; names that are no longer configured are forgotten.
  void answered(const std::map<std::string, Answer>& answers);
  std::vector<Address> candidates() const;
  const std::map<std::string, std::string>& failed() const { return failed_; }
  std::int64_t pause(const DnsSettings& settings, bool alone) const;

 private:
  std::map<std::string, std::vector<Address>> known_;
  std::map<std::string, std::string> failed_;
};

}  // namespace ox::grid
