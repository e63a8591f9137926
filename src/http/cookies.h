// The Cookie and Set-Cookie headers.
//
// Threads: pure functions.
// Bounds:  kMaxCookies cookies of kMaxCookieBytes each; what exceeds them or is no cookie is left
//          out and counted, the rest of the header still counts.
// Source:  RFC 6265 sections 4.1.1, 4.2.1 and 6.1; quoted values are accepted as browsers and the
//          original's connector do, and never written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/servlet.h"

namespace ox::http {

inline constexpr std::size_t kMaxCookies = 100;
inline constexpr std::size_t kMaxCookieBytes = 4096;

// Appends to `out`; returns how many pieces were left out.
std::size_t parseCookies(std::string_view header,
                         std::vector<std::pair<std::string, std::string>>& out);

// May stand in a Set-Cookie header as it is (token, cookie-octets).
bool validCookieName(std::string_view name);
bool validCookieValue(std::string_view value);

// "name=value; Max-Age=..; Path=/; Secure; HttpOnly; SameSite=Lax"; the value is never quoted, so
// that a load balancer finds the route behind the first dot as it is. Empty when name, value or path may not
// stand in a header.
std::string setCookieHeader(const Cookie& cookie);

}  // namespace ox::http
