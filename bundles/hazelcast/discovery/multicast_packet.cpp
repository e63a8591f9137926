#include "discovery/multicast_packet.h"

#include "base/check.h"
#include "discovery/candidates.h"
#include "member_protocol/handshake.h"
#include "net/keyed_hash.h"

namespace ox::grid {
namespace {
constexpr BytesView kPacketMagic = "OXMC";
constexpr std::uint8_t kLooking = 1, kProven = 2;

// Another label than the links have: a proof of one place is worth nothing in the other.
Bytes packetProof(const Bytes& key, BytesView packet) {
  return net::hmacSha256(key, "ox multicast 1" + std::string(packet));
}
}  // namespace

Bytes encodeAnnouncement(const Announcement& a, const Bytes& key) {
  ByteWriter out;
  out.raw(kPacketMagic);
  out.u8(kAnnouncementVersion);
  out.u8(static_cast<std::uint8_t>((a.looking ? kLooking : 0) | (key.empty() ? 0 : kProven)));
  out.blob(a.clusterName);
  out.u16(a.protocolMin);
  out.u16(a.protocolMax);
  a.member.id.write(out);
  out.blob(a.member.address.host);
  out.u16(a.member.address.port);
  out.boolean(a.member.lite);
  out.u32(a.members);
  if (!key.empty()) out.raw(packetProof(key, out.bytes()));
  OX_CHECK(out.size() <= kMaxAnnouncement);
  return out.take();
}

Heard decodeAnnouncement(BytesView packet, const std::string& clusterName, const Bytes& key,
                         Announcement& out) {
  if (packet.size() > kMaxAnnouncement) return Heard::kBad;
  ByteReader in(packet);
  if (in.raw(kPacketMagic.size()) != kPacketMagic) return Heard::kBad;
  const std::uint8_t version = in.u8();
  if (!in.ok()) return Heard::kBad;
  if (version != kAnnouncementVersion) return version == 0 ? Heard::kBad : Heard::kForeign;
  const std::uint8_t flags = in.u8();
  out.looking = (flags & kLooking) != 0;
  out.clusterName = std::string(in.blob());
  out.protocolMin = in.u16();
  out.protocolMax = in.u16();
  out.member.id = MemberId::read(in);
  out.member.address.host = std::string(in.blob());
  out.member.address.port = in.u16();
  out.member.lite = in.boolean();
  out.members = in.u32();
  const std::size_t end = in.position();
  const bool proven = (flags & kProven) != 0;
  const BytesView proof = proven ? in.raw(kProofBytes) : BytesView();
  if (!in.ok() || !in.atEnd() || (flags & ~(kLooking | kProven)) != 0 || out.clusterName.empty() ||
      out.clusterName.size() > kMaxClusterName || out.protocolMin > out.protocolMax ||
      !out.member.id.valid() || out.member.address.port == 0 ||
      !dialable(out.member.address.host))
    return Heard::kBad;
  if (out.clusterName != clusterName) return Heard::kForeign;
  if (proven != !key.empty()) return Heard::kUnproven;
  if (proven && !net::sameProof(proof, packetProof(key, packet.substr(0, end))))
    return Heard::kUnproven;
  return Heard::kOurs;
}

}  // namespace ox::grid
