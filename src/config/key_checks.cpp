#include "config/key_checks.h"

#include <algorithm>
#include <array>
#include <arpa/inet.h>
#include <cctype>
#include <functional>

#include "config/address_pattern.h"
#include "config/host_list.h"
#include "config/value.h"

namespace ox::config {
namespace {

constexpr std::size_t kMaxGroupName = 128;
constexpr std::size_t kMaxRoute = 64;
constexpr std::size_t kMaxServerName = 255;
constexpr std::size_t kMaxUrl = 2048;

bool letterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool all(const std::string& text, const std::function<bool(char)>& good) {
  return std::all_of(text.begin(), text.end(), good);
}

bool numberIn(std::string_view text, std::int64_t least, std::int64_t most) {
  const auto number = parseInt(text);
  return number && *number >= least && *number <= most;
}

// "/24" with at most `bits`; with `dotted` also "255.255.255.0".
std::string checkMask(const std::string& text, int bits, bool dotted) {
  if (text.empty()) return {};
  if (text.front() == '/')
    return numberIn(std::string_view(text).substr(1), 0, bits) ? "" : "is no prefix length";
  in_addr address{};
  if (!dotted || inet_pton(AF_INET, text.c_str(), &address) != 1) return "is no network mask";
  const std::uint32_t inverse = ~ntohl(address.s_addr);
  return (inverse & (inverse + 1)) == 0 ? "" : "is a mask with holes";
}

}  // namespace

std::string checkNotBlank(const std::string& text) { return text.empty() ? "is blank" : ""; }

std::string checkGroupName(const std::string& text) {
  if (text.size() > kMaxGroupName) return "is longer than 128 characters";
  if (!all(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; }))
    return "holds control characters";
  return {};
}

std::string checkStaticNodes(const std::string& text) {
  const auto hosts = parseHostList(parseList(text));
  return hosts ? "" : "has a bad address: " + hosts.error().message;
}

std::string checkInterfaces(const std::string& text) {
  const auto patterns = parsePatterns(parseList(text));
  return patterns ? "" : "has a bad pattern: " + patterns.error().message;
}

std::string checkMulticastGroup(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return "is no IPv4 address";
  return (ntohl(address.s_addr) >> 28) == 0xE ? "" : "is no multicast address";
}

std::string checkPortOffset(const std::string& text) {
  if (text.empty() || lowered(text) == "auto") return {};
  return numberIn(text, 0, 65534) ? "" : "is neither auto nor a number in range";
}

std::string checkAutoPort(const std::string& text) {
  if (text.empty() || lowered(text) == "auto") return {};
  return numberIn(text, 1, 65535) ? "" : "is neither auto nor a port";
}

std::string checkPortRanges(const std::string& text) {
  for (const auto& item : parseList(text)) {
    const std::size_t dash = item.find('-');
    const std::string_view first = trimmed(std::string_view(item).substr(0, dash));
    const std::string_view last =
        dash == std::string::npos ? first : trimmed(std::string_view(item).substr(dash + 1));
    if (!numberIn(first, 1, 65535) || !numberIn(last, 1, 65535) ||
        *parseInt(first) > *parseInt(last))
      return "has a bad port or range: \"" + item.substr(0, 80) + "\"";
  }
  return {};
}

std::string checkListenHost(const std::string& text) {
  if (text == "*" || isIPv4(text) || isIPv6(text) || isHostName(text)) return {};
  return text.empty() ? "is blank" : "is neither a host name nor an IP address";
}

std::string checkBackendRoute(const std::string& text) {
  if (text.empty()) return "is blank";
  if (text.size() > kMaxRoute) return "is longer than 64 characters";
  if (text.find('.') != std::string::npos)
    return "holds a '.': the route begins behind the first one of JSESSIONID";
  return all(text, [](char c) { return letterOrDigit(c) || c == '-' || c == '_'; })
             ? "" : "holds a character that a route cannot have";
}

std::string checkServerName(const std::string& text) {
  if (text.empty()) return "is blank";
  if (text.size() > kMaxServerName) return "is longer than 255 characters";
  return all(text, [](char c) { return letterOrDigit(c) || c == '-' || c == '_' || c == '.'; })
             ? "" : "holds a character that a server name cannot have";
}

std::string checkHeaderName(const std::string& text) {
  const auto good = [](char c) {
    return letterOrDigit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return text.empty() || !all(text, good) ? "is no header name" : "";
}

std::string checkPathPrefix(const std::string& text) {
  if (text.empty() || text.front() != '/' || text.back() != '/')
    return "does not begin and end with a slash";
  return all(text, [](char c) { return letterOrDigit(c) || std::string_view("/-_.").find(c) !=
                                                               std::string_view::npos; })
             ? "" : "holds a character that a path cannot have here";
}

std::string checkCookieTtl(const std::string& text) {
  if (text.empty() || lowered(text) == "web-browser") return {};
  const auto span = parseMillis(text);
  return span ? "" : span.error().message;
}

std::string checkWebUrl(const std::string& text) {
  if (text.empty()) return {};
  if (!text.starts_with("https://") && !text.starts_with("http://"))
    return "begins neither with https:// nor with http://";
  if (text.size() > kMaxUrl) return "is longer than 2048 characters";
  if (!all(text, [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '<' && c != '>'; }))
    return "holds characters that no URL has";
  return {};
}

std::string checkLogForm(const std::string& text) {
  static constexpr std::array<std::string_view, 8> kNames = {"login", "ip", "auth", "agent",
                                                             "client", "c", "u", "s"};
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
    std::size_t end = at + 1;
    while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end]))) ++end;
    const std::string name = text.substr(at + 1, end - at - 1);
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end())
      return "holds the unknown name $" + name;
  }
  return {};
}

std::string checkRedis(const std::string& text) {
  return lowered(text) == "true" ? "asks for sessions in Redis, which this release does not have: they are in "
                                   "the grid (sessions-7)"
                                 : "";
}

std::string checkProxies(const std::string& text) {
  for (const auto& item : parseList(text)) {
    const std::size_t slash = item.find('/');
    const std::string host = item.substr(0, slash);
    const bool four = isIPv4(host);
    if ((!four && !isIPv6(host)) ||
        (slash != std::string::npos &&
         !numberIn(std::string_view(item).substr(slash + 1), 0, four ? 32 : 128)))
      return "has a bad address: \"" + item.substr(0, 80) + "\"";
  }
  return {};
}

std::string checkMaskV4(const std::string& text) { return checkMask(text, 32, true); }
std::string checkMaskV6(const std::string& text) { return checkMask(text, 128, false); }

std::string checkJdbcUrl(const std::string& text) {
  for (const std::string_view scheme : {"jdbc:mysql://", "jdbc:mariadb://"}) {
    if (text.rfind(scheme, 0) != 0) continue;
    const std::string rest = text.substr(scheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == 0 || slash == std::string::npos) return "has no host and schema";
    std::string hosts = rest.substr(0, slash);
    for (const auto& item : parseList(hosts)) {
      const auto host = parseHostPort(item);
      if (!host) return "has a bad host: " + host.error().message;
    }
    return {};
  }
  return "has no known beginning";
}

std::string checkNameValue(const std::string& text) {
  const std::size_t equals = text.find('=');
  return equals == std::string::npos || equals == 0 ? "has no name and =" : "";
}

std::string checkCharacterClass(const std::string& text) {
  return text.size() < 3 || text.front() != '[' || text.back() != ']' ? "is no character class" : "";
}

}  // namespace ox::config
