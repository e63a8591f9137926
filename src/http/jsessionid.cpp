#include "http/jsessionid.h"

#include "http/cookies.h"

namespace ox::http {

std::optional<JSessionId> parseJSessionId(std::string_view text) {
  if (text.size() > kMaxJSessionIdBytes || !validCookieValue(text)) return std::nullopt;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size()) return std::nullopt;
  return JSessionId{std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

std::string newJSessionId(Random& random, std::string_view route) {
  // 63 bits, as the original's positive long.
  return std::to_string(random.next() >> 1) + "." + std::string(route);
}

std::string checkBackendRoute(std::string_view route) {
  static constexpr std::size_t kMaxRoute = 64;
  if (route.empty()) return "must not be empty";
  if (route.size() > kMaxRoute) return "must have at most 64 characters";
  for (const char c : route) {
    if (c == '.') return "must not contain '.': the route begins behind the first one";
    if (!validCookieValue(std::string_view(&c, 1)))
      return "must not contain ';', ',', '\"', '\\', white space or characters beyond ASCII";
  }
  return {};
}

}  // namespace ox::http
