#include "discovery/dns_book.h"

#include <algorithm>

namespace ox::grid {

bool isServiceName(const std::string& name) { return name.starts_with('_'); }

std::string serviceDnsName(const std::string& service, const std::string& nameSpace) {
  if (service.find('.') != std::string::npos || nameSpace.empty()) return service;
  // The cluster's domain is in the search list of every pod.
  return service + "." + nameSpace + ".svc";
}

void DnsBook::answered(const std::map<std::string, Answer>& answers) {
  failed_.clear();
  std::erase_if(known_, [&](const auto& e) { return answers.count(e.first) == 0; });
  for (const auto& [name, answer] : answers) {
    if (answer) {
      known_[name] = *answer;
      continue;
    }
    const bool gone = answer.error().code == Code::kNotFound;
    const bool kept = !gone && known_.count(name) != 0;
    if (gone) known_.erase(name);
    failed_[name] = answer.error().message + (kept ? "; its former addresses stay" : "");
  }
}

std::vector<Address> DnsBook::candidates() const {
  std::vector<Address> out;
  for (const auto& [name, addresses] : known_)
    out.insert(out.end(), addresses.begin(), addresses.end());
  return out;
}

std::int64_t DnsBook::pause(const DnsSettings& settings, bool alone) const {
  const bool eager = alone || !failed_.empty();
  return eager ? std::min(kEagerDnsMillis, settings.refreshMillis) : settings.refreshMillis;
}

}  // namespace ox::grid
