// JSESSIONID=<decimal>.<route>: how a load balancer finds the node that answered last.
//
// Threads: pure functions. Source: the original's documents on backendRoute and load balancing;
// e.g. "5661584529655240315.OX1". The route is the text behind the first '.'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace ox::http {

inline constexpr const char* kJSessionCookie = "JSESSIONID";
inline constexpr std::size_t kMaxJSessionIdBytes = 256;

struct JSessionId {
  std::string id;
  std::string route;
};
// Nothing when a part is empty, too long, or has characters that no cookie value may have.
std::optional<JSessionId> parseJSessionId(std::string_view text);
// The decimal in front of the route as we write it (no sign, no leading zeros), else nothing.
std::optional<std::uint64_t> decimalOf(const JSessionId& id);
std::string jSessionIdText(std::uint64_t decimal, std::string_view route);
// 63 random bits, as the original's positive long.
inline std::uint64_t newDecimal(Random& random) { return random.next() >> 1; }

}  // namespace ox::http
