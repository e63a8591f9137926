// Sessions of the size that a web session of App Suite has.
//
// Threads: pure functions; the same number gives the same session.
#pragma once

#include <cstddef>
#include <cstdint>

#include "services/sessions.h"

namespace ox::bench {

inline constexpr std::uint64_t kUsersPerContext = 100;  // each with one session
inline constexpr std::size_t kSessionBytes = 520;       // sum of the values

services::Session sessionOf(std::uint64_t number);
std::size_t valueBytes(const services::Session& session);

}  // namespace ox::bench
