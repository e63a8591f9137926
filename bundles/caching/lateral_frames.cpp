#include "lateral_frames.h"

#include "net/interfaces.h"

namespace ox::caching {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kDiscoveryMagic = 0x4f584c44;  // "OXLD"

Error broken(const char* what) {
  return Error(Code::kInvalid, std::string("lateral connection: ") + what);
}

}  // namespace

Bytes LateralFrame::encode() const {
  ByteWriter out;
  out.reserve(payload.size() + 16);
  out.u8(static_cast<std::uint8_t>(kind));
  if (kind == Kind::kHello) {
    out.u8(kVersion);
    out.u64(process);
    out.u16(port);
    return out.take();
  }
  if (kind == Kind::kEvent) out.u64(number);
  out.raw(payload);
  return out.take();
}

Result<LateralFrame> LateralFrame::decode(BytesView bytes) {
  ByteReader in(bytes);
  LateralFrame out;
  const std::uint8_t kind = in.u8();
  if (!in.ok() || kind < 1 || kind > 3) return broken("a frame of unknown kind");
  out.kind = static_cast<Kind>(kind);
  if (out.kind == Kind::kHello) {
    if (in.u8() != kVersion) return broken("another version");
    out.process = in.u64();
    out.port = in.u16();
    if (!in.ok() || !in.atEnd()) return broken("a hello of another length");
    return out;
  }
  if (out.kind == Kind::kEvent) out.number = in.u64();
  if (!in.ok()) return broken("a frame is cut off");
  out.payload = Bytes(in.raw(in.remaining()));
  return out;
}

Bytes DiscoveryPacket::encode() const {
  ByteWriter out;
  out.u32(kDiscoveryMagic);
  out.u8(kVersion);
  out.u64(process);
  out.u16(port);
  out.u8(static_cast<std::uint8_t>(addresses.size()));
  for (const auto& address : addresses) {
    out.u16(static_cast<std::uint16_t>(address.size()));
    out.raw(address);
  }
  return out.take();
}

Result<DiscoveryPacket> DiscoveryPacket::decode(BytesView bytes) {
  ByteReader in(bytes);
  if (in.u32() != kDiscoveryMagic || in.u8() != kVersion) return broken("not a discovery packet");
  DiscoveryPacket out;
  out.process = in.u64();
  out.port = in.u16();
  const std::uint8_t count = in.u8();
  if (!in.ok() || out.port == 0 || count == 0 || count > kMaxDiscoveryAddresses)
    return broken("impossible port or number of addresses");
  for (std::uint8_t i = 0; i < count; ++i) {
    const std::uint16_t size = in.u16();
    if (size > kMaxDiscoveryAddressBytes) return broken("an address is too long");
    std::string address(in.raw(size));
    if (!in.ok() || !net::isNumericAddress(address)) return broken("not a numeric address");
    out.addresses.push_back(std::move(address));
  }
  if (!in.atEnd()) return broken("a packet of another length");
  return out;
}

}  // namespace ox::caching
