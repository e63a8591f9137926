// JSESSIONID=<decimal>.<route>: how a load balancer finds the node that answered last.
//
// Threads: pure functions. Source: the original's documents on backendRoute and load balancing;
// e.g. "5661584529655240315.OX1". The route is the text behind the first '.'.
#pragma once

#include <cstddef>
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
// A random decimal number and the route.
std::string newJSessionId(Random& random, std::string_view route);
// Check of com.openexchange.server.backendRoute: empty text = fine, else what is wrong.
std::string checkBackendRoute(std::string_view route);

}  // namespace ox::http
