// Targets, parameters and cookies from outside: never crash, never exceed their limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/cookies.h"
#include "http/jsessionid.h"
#include "http/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Parameters out;
  if (auto target = parseTarget(text); target.ok() && !validUtf8(target->path)) std::abort();
  static_cast<void>(parseParameters(text, 20, out));
  if (out.size() > 20) std::abort();
  out.clear();
  parseCookies(text, out);
  if (out.size() > kMaxCookies) std::abort();
  for (const auto& [name, value] : out) {
    Cookie cookie;
    cookie.name = name;
    cookie.value = value;
    if (setCookieHeader(cookie).find_first_of("\r\n") != std::string::npos) std::abort();
  }
  if (const auto id = parseJSessionId(text); id && (id->id.empty() || id->route.empty()))
    std::abort();
  return 0;
}
