#include "http/jsessionid.h"

#include <charconv>

#include "http/cookies.h"

namespace ox::http {

std::optional<JSessionId> parseJSessionId(std::string_view text) {
  if (text.size() > kMaxJSessionIdBytes || !validCookieValue(text)) return std::nullopt;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size()) return std::nullopt;
  return JSessionId{std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

std::optional<std::uint64_t> decimalOf(const JSessionId& id) {
  std::uint64_t value = 0;
  const char* end = id.id.data() + id.id.size();
  const auto read = std::from_chars(id.id.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || std::to_string(value) != id.id)
    return std::nullopt;
  return value;
}

std::string jSessionIdText(std::uint64_t decimal, std::string_view route) {
  return std::to_string(decimal) + "." + std::string(route);
}

}  // namespace ox::http
