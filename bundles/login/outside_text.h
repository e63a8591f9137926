// What a login brings as text: HTTP Basic credentials, names with domains in their ASCII form; and the line
// that it leaves in the log.
//
// Threads: pure functions.
// Bounds:  kMaxBasicBytes of header, kMaxIdnBytes of name. Errors: nothing, for text of another form.
// Source:  RFC 7617, RFC 5891; the names in com.openexchange.ajax.login.formatstring.* of the original.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ox::login {

inline constexpr std::size_t kMaxBasicBytes = 8 * 1024;
inline constexpr std::size_t kMaxIdnBytes = 512;

// Name and password of "Basic <base64>"; UTF-8.
std::optional<std::pair<std::string, std::string>> basicCredentials(std::string_view header);

// "anton@xn--mller-kva.de" with its domain in its own letters; nothing when there is nothing to convert.
std::optional<std::string> nativeDomain(const std::string& login);

struct LineFacts {
  std::string login, address, authId, agent, client;
  std::int32_t contextId = 0;
  std::int32_t userId = 0;
};
// "$ip" becomes "IP:10.0.0.1" and so on; control characters become '?'. The session is never named.
std::string logLine(std::string_view form, const LineFacts& facts);

}  // namespace ox::login
