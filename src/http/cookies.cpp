#include "http/cookies.h"

#include <algorithm>
#include <array>

namespace ox::http {
namespace {

constexpr std::size_t kUsualCookies = 8;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr std::array<bool, 256> kTokenChars = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x21; c < 0x7f; ++c)
    out[c] = std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) ==
             std::string_view::npos;
  return out;
}();
bool tokenChar(char c) { return kTokenChars[static_cast<unsigned char>(c)]; }

bool cookieOctet(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

// Where a cookie-pair ends: the next ';' that is not inside quotes.
std::size_t pairEnd(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ';' && !quoted) return i;
  }
  // An open quote must not swallow the cookies behind it.
  return quoted ? std::min(text.find(';'), text.size()) : text.size();
}

}  // namespace

bool validCookieName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxCookieBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return tokenChar(c); });
}

bool validCookieValue(std::string_view value) {
  return value.size() <= kMaxCookieBytes &&
         std::all_of(value.begin(), value.end(), [](char c) { return cookieOctet(c); });
}

std::size_t parseCookies(std::string_view header,
                         std::vector<std::pair<std::string, std::string>>& out) {
  std::size_t leftOut = 0;
  out.reserve(kUsualCookies);
  const bool quotes = header.find('"') != std::string_view::npos;  // hardly ever
  while (!header.empty()) {
    const std::size_t end = quotes ? pairEnd(header) : std::min(header.find(';'), header.size());
    const std::string_view pair = trim(header.substr(0, end));
    header.remove_prefix(std::min(end + 1, header.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.size() > kMaxCookieBytes ||
        out.size() >= kMaxCookies) {
      ++leftOut;
      continue;
    }
    const std::string_view name = trim(pair.substr(0, equals));
    std::string_view value = trim(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    const bool clean = std::none_of(value.begin(), value.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (!validCookieName(name) || name.front() == '$' || !clean) {
      ++leftOut;
      continue;
    }
    out.emplace_back(name, value);
  }
  return leftOut;
}

std::string setCookieHeader(const Cookie& cookie) {
  const bool pathClean = std::all_of(cookie.path.begin(), cookie.path.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f && c != ';';
  });
  if (!validCookieName(cookie.name) || !validCookieValue(cookie.value) || !pathClean) return {};
  std::string out = cookie.name + "=" + cookie.value;
  if (cookie.maxAgeSeconds >= 0) out += "; Max-Age=" + std::to_string(cookie.maxAgeSeconds);
  // Old browsers know only Expires; an instant long past deletes the cookie there too.
  if (cookie.maxAgeSeconds == 0) out += "; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
  if (!cookie.path.empty()) out += "; Path=" + cookie.path;
  if (cookie.secure) out += "; Secure";
  if (cookie.httpOnly) out += "; HttpOnly";
  if (cookie.sameSite == SameSite::kLax) out += "; SameSite=Lax";
  if (cookie.sameSite == SameSite::kStrict) out += "; SameSite=Strict";
  if (cookie.sameSite == SameSite::kNone && cookie.secure) out += "; SameSite=None";
  return out;
}

}  // namespace ox::http
