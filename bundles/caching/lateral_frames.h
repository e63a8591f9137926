// Frames of the lateral TCP connection: what nodes with eventInvalidation=false tell each other.
//
// Threads: pure functions. Errors: RUN-0004; the connection is closed.
// Bounds:  kMaxLateralFrame bytes a frame, kMaxHello before the other side is known.
// Form:    own, since serialized Java objects are not to be read from the network. The dialling side sends
//          the magic "OXLC", then both send frames: u32 length, u8 kind, and
//          1 hello        u8 version 1, u64 process, u16 listener port (0 = none)
//          2 event        u64 number (rises by one per process), PortableMessage as on the grid's topics
//          3 announcement as on the grid's topic of announcements
//          Discovery packet: "OXLD", u8 version 1, u64 process, u16 port, u8 n, n x (u16 length, address).
//          All big-endian. Page: docs/operating/caching.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace ox::caching {

inline constexpr const char* kLateralMagic = "OXLC";
inline constexpr std::uint32_t kMaxLateralFrame = 4u << 20;
inline constexpr std::uint32_t kMaxHello = 64;
inline constexpr std::size_t kMaxDiscoveryAddresses = 16;
inline constexpr std::size_t kMaxDiscoveryAddressBytes = 64;

struct LateralFrame {
  enum class Kind : std::uint8_t { kHello = 1, kEvent = 2, kAnnouncement = 3 };
  Kind kind = Kind::kHello;
  std::uint64_t process = 0;   // hello
  std::uint16_t port = 0;      // hello
  std::uint64_t number = 0;    // event
  Bytes payload;               // event, announcement

  Bytes encode() const;
  static Result<LateralFrame> decode(BytesView bytes);
};

struct DiscoveryPacket {
  std::uint64_t process = 0;
  std::uint16_t port = 0;
  std::vector<std::string> addresses;  // numeric, of the sender

  Bytes encode() const;
  static Result<DiscoveryPacket> decode(BytesView bytes);
};

}  // namespace ox::caching
