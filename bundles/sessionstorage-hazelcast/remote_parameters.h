// remoteParameters of a session: which of them travel through the grid.
//
// Purpose:   a JSON object with the OAuth tokens and the names of
//            com.openexchange.sessiond.remoteParameterNames; everything else is left out.
// Values:    text, whole numbers and booleans keep their type; fractions become text; objects, lists and null
//            are denied (WARN with the name, never the value).
// Bounds:    kMaxRemoteBytes of text, kMaxRemoteNames names.
// Threads:   pure functions.
// Source:    the original's PortableSession (types) and its OAuth parameter names.
#pragma once

#include <set>
#include <string>

#include "base/error.h"

namespace ox::sessionstorage {

inline constexpr std::size_t kMaxRemoteBytes = 64 * 1024;
inline constexpr std::size_t kMaxRemoteNames = 64;

// Names separated by colons, and those that always travel. RUN-0004 for more than kMaxRemoteNames.
Result<std::set<std::string>> remoteNames(const std::string& configured);

// The text to store; empty when nothing remains. RUN-0004 for text that is no JSON object.
Result<std::string> remoteParameters(const std::string& text, const std::set<std::string>& names);

}  // namespace ox::sessionstorage
