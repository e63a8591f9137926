// Texts of older lines: units of UTF-16, each written as one to three bytes.
//
// Threads:   plain functions. Broken UTF-8 becomes U+FFFD, broken surrogates are kept apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ox::hzclient {

std::u16string utf16(std::string_view utf8);
std::string utf8(std::u16string_view units);

// Modified UTF-8: one unit in 1 - 3 bytes. `longZero`: U+0000 takes two bytes (CB1), else one.
void appendUnits(Bytes& out, std::u16string_view units, bool longZero);
// Exactly `count` units from the front of `in`; moves it on. Nothing = malformed or cut off.
std::optional<std::u16string> takeUnits(BytesView& in, std::size_t count);

}  // namespace ox::hzclient
