// Stored sessions: what decodes has an id and comes back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "portable_session.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::sessionstorage;
  static const Obfuscator obfuscator("fuzz");
  const auto session =
      decodeSession(std::string_view(reinterpret_cast<const char*>(data), size), obfuscator);
  if (!session.ok()) return 0;
  if (session->sessionId.empty()) std::abort();
  const auto again = decodeSession(encodeSession(*session, obfuscator), obfuscator);
  if (!again.ok() || again->secret != session->secret || again->userId != session->userId)
    std::abort();
  return 0;
}
