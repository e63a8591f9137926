// Announcements of cache events: what decodes is bounded and encodes to something that says the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "announcement.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::caching;
  const auto said =
      Announcement::decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!said.ok()) return 0;
  if (said->last.size() > kMaxAnnounced) std::abort();
  const auto again = Announcement::decode(said->encode());
  if (!again.ok() || again->last != said->last || again->losses != said->losses ||
      again->ended != said->ended)
    std::abort();
  return 0;
}
