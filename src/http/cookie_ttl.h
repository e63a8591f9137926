// com.openexchange.cookie.ttl as seconds: -1 for "web-browser" (a cookie that ends with the
// browser), else a time span whose text the configuration has already checked.
#pragma once

#include <cstdint>
#include <string_view>

namespace ox::http {
std::int64_t cookieTtlSeconds(std::string_view text);
}
