// Multicast announcements: any datagram is told apart; what counts as ours survives writing again,
// and without the password nothing does.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "discovery/candidates.h"
#include "discovery/multicast_packet.h"

using namespace ox;
using namespace ox::grid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView packet(reinterpret_cast<const char*>(data), size);
  Announcement a;
  if (decodeAnnouncement(packet, "fuzz-10.1", {}, a) == Heard::kOurs) {
    OX_CHECK(dialable(a.member.address.host) && a.member.address.port != 0);
    Announcement again;
    OX_CHECK(decodeAnnouncement(encodeAnnouncement(a, {}), "fuzz-10.1", {}, again) == Heard::kOurs);
    OX_CHECK(again.member == a.member && again.members == a.members);
  }
  OX_CHECK(decodeAnnouncement(packet, "fuzz-10.1", Bytes(32, 'q'), a) != Heard::kOurs);
  return 0;
}
