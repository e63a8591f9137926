// Text of a property to a value of its type, and the sentence for a text that is none.
//
// Threads: pure functions. Texts are trimmed first, as the original does.
// Errors:  the message says what is wrong; the caller adds what is allowed (KeyInfo::allowed).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/key.h"

namespace ox::config {

std::string_view trimmed(std::string_view text);
std::string lowered(std::string_view text);  // ASCII

Result<bool> parseBool(std::string_view text);          // true|false, any case
Result<std::int64_t> parseInt(std::string_view text);   // optional sign, digits
// "90000", "90s", "1m 30s", "1W": ms s m h d w in any case. No overflow, no negative span.
Result<Millis> parseMillis(std::string_view text);
std::vector<std::string> parseList(std::string_view text);  // commas; blank items vanish

// Empty when `text` is a good value for the key; else "value "x" is ...; allowed: ...". A secret
// value is not repeated.
std::string valueProblem(const KeyInfo& key, const std::string& text);

}  // namespace ox::config
