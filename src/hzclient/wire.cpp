#include "hzclient/wire.h"

namespace ox::hzclient {
namespace {

Result<std::size_t> within(std::size_t length, std::size_t least, BytesView buffered) {
  if (length < least || length > kMaxUnitBytes)
    return badMessage("a length of " + std::to_string(length) + " bytes, allowed are " +
                      std::to_string(least) + ".." + std::to_string(kMaxUnitBytes));
  return length <= buffered.size() ? length : 0;
}

// type, classId, [factoryId, version, definition], size, payload, hash
Result<std::size_t> dataLength(BytesView buffered) {
  ByteReader in(buffered);
  in.u32();
  std::size_t head = 12;
  if (in.i32() != 0) {
    in.u32();
    in.u32();
    const std::size_t definition = in.u32();
    if (!in.ok()) return std::size_t{0};
    if (definition > kMaxUnitBytes) return within(definition, 0, buffered);
    in.raw(definition);
    head += 12 + definition;
  }
  const std::size_t payload = in.u32();
  if (!in.ok()) return std::size_t{0};
  return within(head + payload + 4, head, buffered);
}

Result<std::size_t> messageLength(BytesView buffered, std::size_t& scanned) {
  constexpr std::size_t kFrameHeader = 6;
  constexpr std::uint16_t kFinal = 0x2000;
  while (buffered.size() - scanned >= kFrameHeader) {
    LittleReader in(buffered.substr(scanned, kFrameHeader));
    const auto length = static_cast<std::uint32_t>(in.i32());
    const std::uint16_t flags = in.u16();
    const auto whole = within(length, kFrameHeader, buffered.substr(scanned));
    if (!whole || *whole == 0) return whole;
    scanned += length;
    if (scanned > kMaxUnitBytes) return within(scanned, 0, buffered);
    if ((flags & kFinal) != 0) return scanned;
  }
  return std::size_t{0};
}

}  // namespace

const char* nameOf(Protocol protocol) {
  switch (protocol) {
    case Protocol::kCb1A: return "CB1 of 3.2";
    case Protocol::kCb1B: return "CB1 of 3.5";
    case Protocol::kCb2: return "CB2";
    case Protocol::kCp2: return "CP2";
  }
  return "?";
}

Error badMessage(const std::string& what) {
  return Error(Code::kNetProtocol, "undecodable message of an older member: " + what);
}

Result<std::size_t> unitLength(Protocol protocol, BytesView buffered, std::size_t& scanned) {
  constexpr std::size_t kPacketHeader = 11, kFrameHeader = 22;
  switch (protocol) {
    case Protocol::kCb1A: return dataLength(buffered);
    case Protocol::kCb1B: {
      if (buffered.size() < kPacketHeader) return std::size_t{0};
      ByteReader in(buffered);
      const int version = in.u8();
      if (version != 4)
        return badMessage("packet version " + std::to_string(version) + ", that of 3.5 is 4");
      in.u16();
      in.u32();
      return within(kPacketHeader + std::size_t{in.u32()}, kPacketHeader + 5, buffered);
    }
    case Protocol::kCb2: {
      if (buffered.size() < 4) return std::size_t{0};
      LittleReader in(buffered);
      return within(static_cast<std::uint32_t>(in.i32()), kFrameHeader, buffered);
    }
    case Protocol::kCp2: return messageLength(buffered, scanned);
  }
  return badMessage("an unknown protocol");
}

}  // namespace ox::hzclient
