#include "config/host_list.h"

#include <algorithm>
#include <arpa/inet.h>

#include "config/value.h"

namespace ox::config {
namespace {

constexpr std::size_t kMaxHostName = 253;
constexpr std::size_t kMaxLabel = 63;

bool onlyDigitsAndDots(std::string_view text) {
  return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

Error bad(std::string_view item, const std::string& why) {
  return Error(Code::kConfig, "\"" + std::string(item.substr(0, 80)) + "\" " + why);
}

}  // namespace

bool isIPv4(std::string_view text) {
  in_addr address{};
  return text.size() < 16 && inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool isIPv6(std::string_view text) {
  in6_addr address{};
  return text.size() < 46 && inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool isHostName(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > kMaxHostName || onlyDigitsAndDots(text)) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    const auto good = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    };
    if (label.empty() || label.size() > kMaxLabel || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), good))
      return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

Result<HostPort> parseHostPort(std::string_view item) {
  item = trimmed(item);
  HostPort out;
  std::string_view port;
  bool hasPort = false;
  if (!item.empty() && item.front() == '[') {
    const std::size_t close = item.find(']');
    if (close == std::string_view::npos) return bad(item, "has no closing bracket");
    out.host = item.substr(1, close - 1);
    if (!isIPv6(out.host)) return bad(item, "has no IPv6 address in its brackets");
    const std::string_view rest = item.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return bad(item, "has text behind its bracket");
    hasPort = !rest.empty();
    if (hasPort) port = rest.substr(1);
  } else if (isIPv6(item)) {
    out.host = item;
  } else {
    const std::size_t colon = item.find(':');
    out.host = item.substr(0, colon);
    hasPort = colon != std::string_view::npos;
    if (hasPort) port = item.substr(colon + 1);
    if (!isIPv4(out.host) && !isHostName(out.host))
      return bad(item, "is neither a host name nor an IP address");
  }
  out.numeric = isIPv4(out.host) || isIPv6(out.host);
  if (hasPort) {
    const auto number = parseInt(port);
    if (!number || *number < 1 || *number > 65535)
      return bad(item, "has no port between 1 and 65535 behind its colon");
    out.port = static_cast<std::uint16_t>(*number);
  }
  return out;
}

Result<std::vector<HostPort>> parseHostList(const std::vector<std::string>& items) {
  if (items.size() > kMaxListedHosts)
    return Error(Code::kConfig, "lists more than " + std::to_string(kMaxListedHosts) + " hosts");
  std::vector<HostPort> out;
  for (const auto& item : items) {
    auto parsed = parseHostPort(item);
    if (!parsed) return parsed.error();
    if (std::find(out.begin(), out.end(), *parsed) == out.end()) out.push_back(*parsed);
  }
  return out;
}

}  // namespace ox::config
