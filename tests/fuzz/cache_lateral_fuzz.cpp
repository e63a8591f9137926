// Frames and discovery packets of the lateral cache connection: what decodes encodes to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lateral_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::caching;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto frame = LateralFrame::decode(bytes); frame.ok() && frame->encode() != bytes)
    std::abort();
  const auto packet = DiscoveryPacket::decode(bytes);
  if (!packet.ok()) return 0;
  if (packet->addresses.size() > kMaxDiscoveryAddresses || packet->encode() != bytes) std::abort();
  return 0;
}
