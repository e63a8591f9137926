#include "net/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "config/address_pattern.h"

namespace ox::net {
namespace {
std::string numeric(const sockaddr* address) {
  char text[NI_MAXHOST];
  const socklen_t size =
      address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text;
}
std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& p : parts) out += (out.empty() ? "" : ", ") + p;
  return out;
}
}  // namespace

std::vector<std::string> localAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {"127.0.0.1"};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> guard(list, freeifaddrs);
  std::vector<std::string> out;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || (i->ifa_flags & IFF_UP) == 0) continue;
    if (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6) continue;
    std::string text = numeric(i->ifa_addr);
    // A link-local IPv6 address needs a scope to be reached: useless in a member list.
    if (text.empty() || text.find('%') != std::string::npos) continue;
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  const auto rank = [](const std::string& a) {
    return (isLoopback(a) ? 2 : 0) + (a.find(':') != std::string::npos ? 1 : 0);
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return out;
}

bool isLoopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

bool isNumericAddress(const std::string& text) {
  in6_addr any{};
  return inet_pton(AF_INET, text.c_str(), &any) == 1 || inet_pton(AF_INET6, text.c_str(), &any) == 1;
}

Result<std::vector<std::string>> resolve(const std::string& host, bool ipv6) {
  if (isNumericAddress(host)) return std::vector<std::string>{host};
  addrinfo hints{};
  hints.ai_family = ipv6 ? AF_UNSPEC : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int rc = getaddrinfo(host.c_str(), nullptr, &hints, &list); rc != 0)
    return Error(Code::kNetRefused, "\"" + host + "\" cannot be resolved: " + gai_strerror(rc));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(list, freeaddrinfo);
  std::vector<std::string> out;
  for (const addrinfo* i = list; i != nullptr && out.size() < kMaxResolved; i = i->ai_next) {
    std::string text = numeric(i->ai_addr);
    if (!text.empty() && std::find(out.begin(), out.end(), text) == out.end())
      out.push_back(std::move(text));
  }
  if (out.empty()) return Error(Code::kNetRefused, "\"" + host + "\" has no address");
  return out;
}

Result<std::string> pickAddress(const std::vector<std::string>& patterns,
                                const std::vector<std::string>& local) {
  const auto parsed = config::parsePatterns(patterns);
  if (!parsed) return parsed.error();
  for (const auto& address : local)
    if (config::matchesAny(*parsed, address)) return address;
  return Error(Code::kConfig, "no interface of this machine matches " + joined(patterns) +
                                  "; its addresses are " + joined(local));
}

}  // namespace ox::net
