// What a login brings as text: credentials of HTTP Basic, names with ASCII domains, share tokens, and the
// line in the log that is made of it. Bounded, and what is accepted comes back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/url.h"
#include "outside_text.h"
#include "services/share_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      if (const auto both = login::basicCredentials(text))
        if (!http::validUtf8(both->first) || both->first.find(':') != std::string::npos) std::abort();
      break;
    case 1:
      if (const auto native = login::nativeDomain(text))
        if (native->size() > login::kMaxIdnBytes || !http::validUtf8(*native)) std::abort();
      break;
    case 2:
      if (const auto token = services::parseShareToken(text)) {
        const auto again = services::parseShareToken(services::shareTokenText(*token));
        if (!again || again->contextId != token->contextId || again->userId != token->userId ||
            token->contextId < 1 || token->userId < 1)
          std::abort();
      }
      break;
    default: {
      login::LineFacts facts;
      facts.login = facts.agent = text;
      const std::string line = login::logLine("$login $agent $s", facts);
      for (const char c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
      static_cast<void>(login::logLine(text, facts));
    }
  }
  return 0;
}
