// Request targets and parameters: strict, bounded decoding of outside text.
//
// Purpose: path, path parameter ;jsessionid=, query and form parameters of a request.
// Threads: pure functions.
// Errors:  RUN-0004 (the server answers 400) for a bad escape, a control character in the path, text
//          that is not UTF-8 or more parameters than allowed. Nothing is repaired silently.
// Source of the path parameter: the original's load balancer documents (";jsessionid=ID.ROUTE").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ox::http {

inline constexpr std::size_t kMaxTargetBytes = 16 * 1024;

using Parameters = std::vector<std::pair<std::string, std::string>>;

bool validUtf8(std::string_view text);

// Nothing for "%", "%4", "%zz", "%00" or a result that is not UTF-8.
std::optional<std::string> percentDecode(std::string_view text, bool plusIsSpace);
// Everything but unreserved characters as %XX.
std::string percentEncode(std::string_view text);

struct Target {
  std::string path;                       // decoded, without path parameters
  std::optional<std::string> jsessionId;  // of ";jsessionid=", any case
  std::string query;                      // raw text behind the first '?'
};
// Origin form ("/ajax/login?x=1") and absolute form ("http://host/ajax/login").
Result<Target> parseTarget(std::string_view target);

// Appends the decoded pairs of "a=1&b=2"; at most `limit` in `out` afterwards.
Status parseParameters(std::string_view text, std::size_t limit, Parameters& out);

}  // namespace ox::http
