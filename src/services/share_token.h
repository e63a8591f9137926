// The token of a share link: which guest of which context, and the secret that proves it.
//
// Form:    48 hex digits: 8 = context id XOR the first 7 digits of the base token, 8 = user id XOR its next
//          7, then the 32 of the base token, which the guest has as attribute.
// Threads: pure functions.
// Errors:  nothing for any other text, and for ids that cannot be.
// Source:  the original's ShareToken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ox::services {

inline constexpr std::size_t kShareTokenBytes = 48;
inline constexpr const char* kShareBaseTokenAttribute = "com.openexchange.shareBaseToken";  // user_attribute

struct ShareToken {
  std::int32_t contextId = 0;
  std::int32_t userId = 0;
  std::string baseToken;
};
std::optional<ShareToken> parseShareToken(std::string_view text);  // digits in either case
std::string shareTokenText(const ShareToken& token);

}  // namespace ox::services
