// The Cookie header and what is written back: limits hold, nothing breaks out of a Set-Cookie.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/cookies.h"
#include "http/jsessionid.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::pair<std::string, std::string>> out;
  parseCookies(text, out);
  if (out.size() > kMaxCookies) std::abort();
  for (const auto& [name, value] : out) {
    if (!validCookieName(name) || value.size() > kMaxCookieBytes) std::abort();
    Cookie cookie;
    cookie.name = name;
    cookie.value = value;
    cookie.path = value;
    cookie.secure = (size & 1) != 0;
    cookie.sameSite = static_cast<SameSite>(size % 5);
    const std::string header = setCookieHeader(cookie);
    if (header.find_first_of("\r\n\"") != std::string::npos) std::abort();
    // Read back it is the same pair: a quoted or cut value would route elsewhere.
    std::vector<std::pair<std::string, std::string>> again;
    parseCookies(std::string_view(header).substr(0, header.find(';')), again);
    if (!header.empty() && (again.size() != 1 || again[0].first != name || again[0].second != value))
      std::abort();
    if (const auto id = parseJSessionId(value)) {
      if (id->id + "." + id->route != value) std::abort();
      if (const auto decimal = decimalOf(*id); decimal && jSessionIdText(*decimal, id->route) != value)
        std::abort();
    }
  }
  return 0;
}
