// AJP packets from outside, as the connector reads them: heads, requests, body pieces.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "http/ajp_packets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::http;
  ox::BytesView rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= kAjpHead) {
    const auto length = ajpLength(rest);
    if (!length) break;
    if (*length > kMaxAjpPacket) std::abort();
    rest.remove_prefix(kAjpHead);
    const ox::BytesView payload = rest.substr(0, *length);
    rest.remove_prefix(payload.size());
    if (const auto request = parseAjpRequest(payload)) {
      if (request->raw.headers.size() > kMaxAjpHeaders ||
          request->raw.attributes.size() > kMaxAjpHeaders + 1 || request->raw.method.empty())
        std::abort();
      // What came in may go out again: one packet of at most what every peer accepts.
      const auto answer = ajpHeaders(200, "OK", request->raw.headers);
      if (answer && answer->size() > kAjpSend) std::abort();
    }
    if (const auto piece = parseAjpBody(payload); piece.ok() && piece->size() > payload.size())
      std::abort();
  }
  // Without the head, so that the fuzzer does not have to get lengths right.
  static_cast<void>(parseAjpRequest(ox::BytesView(reinterpret_cast<const char*>(data), size)));
  return 0;
}
