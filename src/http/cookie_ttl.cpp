#include "http/cookie_ttl.h"

#include <string>

namespace ox::http {
namespace {
constexpr std::int64_t kMaxSeconds = 10LL * 366 * 86400;

// Milliseconds of one unit; 0 = no such unit. "M" is a month of 30 days, "m" a minute.
std::int64_t unitMillis(std::string_view unit) {
  if (unit.empty() || unit == "ms" || unit == "MS") return 1;
  if (unit.size() != 1) return 0;
  switch (unit.front()) {
    case 's': case 'S': return 1000;
    case 'm': return 60'000;
    case 'h': case 'H': return 3'600'000;
    case 'd': case 'D': return 86'400'000;
    case 'w': case 'W': return 7LL * 86'400'000;
    case 'M': return 30LL * 86'400'000;
    default: return 0;
  }
}
}  // namespace

std::int64_t cookieTtlSeconds(std::string_view text) {
  std::int64_t millis = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    std::int64_t number = 0;
    const std::size_t begin = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      number = number * 10 + (text[at] - '0');
      if (number > kMaxSeconds * 1000) return kMaxSeconds;
    }
    std::size_t end = at;
    while (end < text.size() && text[end] != ' ' && (text[end] < '0' || text[end] > '9')) ++end;
    const std::int64_t unit = unitMillis(text.substr(at, end - at));
    if (at == begin || unit == 0) return -1;  // "web-browser"
    if (number > (kMaxSeconds * 1000 - millis) / unit) return kMaxSeconds;
    millis += number * unit;
    at = end;
  }
  return millis > 0 ? millis / 1000 : -1;
}

}  // namespace ox::http
