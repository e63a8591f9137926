#include "discovery/candidates.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>

namespace ox::grid {
namespace {
constexpr std::size_t kNamedInText = 5;  // of a long list of changes

std::string named(const std::vector<Address>& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size() && i < kNamedInText; ++i)
    out += (i == 0 ? "" : " ") + list[i].toString();
  if (list.size() > kNamedInText)
    out += " and " + std::to_string(list.size() - kNamedInText) + " more";
  return out;
}
}  // namespace

bool dialable(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) {
    const std::uint32_t a = ntohl(four.s_addr);
    return (a >> 24) != 0 && (a >> 28) < 0xE;  // 0.x is this network; from 224 on nobody listens
  }
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) != 1) return false;
  // A link-local address reaches nobody without its scope, and a scope means something here only.
  return !IN6_IS_ADDR_UNSPECIFIED(&six) && !IN6_IS_ADDR_MULTICAST(&six) &&
         !IN6_IS_ADDR_LINKLOCAL(&six);
}

void addProbed(const std::string& host, std::uint16_t port, std::vector<Address>& out) {
  for (int p = port; p <= std::min(65535, port + kProbedPorts - 1); ++p)
    out.push_back({host, static_cast<std::uint16_t>(p)});
}

std::vector<Address> candidateAddresses(const std::vector<config::HostPort>& nodes,
                                        std::uint16_t port, const Resolver& resolve,
                                        std::map<std::string, std::string>& failed) {
  std::vector<Address> out;
  for (const auto& node : nodes) {
    std::vector<std::string> hosts{node.host};
    if (!node.numeric) {
      auto found = resolve(node.host);
      if (!found) {
        failed[node.host] = found.error().message;
        continue;
      }
      hosts = std::move(*found);
    }
    for (const auto& host : hosts) {
      if (!dialable(host)) {
        failed[node.host] = "\"" + host + "\" is no address that another member can be reached at "
                            "(link-local, unspecified and multicast addresses are not)";
      } else if (node.port != 0) {
        out.push_back({host, node.port});
      } else {
        addProbed(host, port, out);
      }
    }
  }
  std::set<Address> seen;
  std::erase_if(out, [&](const Address& a) { return !seen.insert(a).second; });
  return out;
}

bool CandidateList::update(std::vector<Address> found) {
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  const std::size_t offered = found.size();
  if (found.size() > kMaxCandidates) found.resize(kMaxCandidates);
  if (known_ && found == all_) return false;
  std::vector<Address> fresh, gone;
  std::set_difference(found.begin(), found.end(), all_.begin(), all_.end(),
                      std::back_inserter(fresh));
  std::set_difference(all_.begin(), all_.end(), found.begin(), found.end(),
                      std::back_inserter(gone));
  known_ = true;
  all_ = std::move(found);
  text_ = std::to_string(all_.size()) + " addresses";
  if (!fresh.empty()) text_ += "; new " + named(fresh);
  if (!gone.empty()) text_ += "; gone " + named(gone);
  if (offered > kMaxCandidates)
    text_ += "; " + std::to_string(offered - kMaxCandidates) + " left out, at most " +
             std::to_string(kMaxCandidates) + " are used";
  return true;
}

bool CandidateList::covered(const std::vector<Member>& members) const {
  std::set<std::string> hosts;
  for (const Member& m : members) hosts.insert(m.address.host);
  return std::all_of(all_.begin(), all_.end(),
                     [&](const Address& a) { return hosts.count(a.host) != 0; });
}

std::size_t CandidateList::joined(const std::vector<Member>& members) const {
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [&](const Member& m) {
        return std::binary_search(all_.begin(), all_.end(), m.address);
      }));
}

std::vector<std::string> FailureList::update(const std::map<std::string, std::string>& failed) {
  std::vector<std::string> out;
  for (const auto& [name, why] : failed) {
    const auto it = failed_.find(name);
    if (it == failed_.end() || it->second != why) out.push_back(why);
  }
  for (const auto& [name, why] : failed_)
    if (failed.count(name) == 0) out.push_back(name + " no longer fails");
  failed_ = failed;
  return out;
}

}  // namespace ox::grid
