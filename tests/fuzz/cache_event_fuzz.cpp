// Messages of the cache event topic: what decodes is bounded and encodes to something that decodes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::caching;
  const auto message =
      decodeMessage(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!message.ok()) return 0;
  if (message->events.size() > kMaxEvents) std::abort();
  const auto again = decodeMessage(encodeMessage(*message));
  if (!again.ok() || again->events.size() != message->events.size()) std::abort();
  return 0;
}
