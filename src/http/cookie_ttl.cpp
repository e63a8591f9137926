#include "http/cookie_ttl.h"

#include <algorithm>

#include "config/value.h"

namespace ox::http {

std::int64_t cookieTtlSeconds(std::string_view text) {
  static constexpr std::int64_t kMaxSeconds = 10LL * 366 * 86400;
  const auto span = config::parseMillis(text);  // fails for "web-browser"
  if (!span || span->value <= 0) return -1;
  return std::min(span->value / 1000, kMaxSeconds);
}

}  // namespace ox::http
