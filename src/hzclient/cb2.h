// CB2: the Open Client Protocol 1.x (Hazelcast 3.6 - 3.12).
//
// Frame:     i32 length, u8 version, u8 flags, u16 type, i64 correlation id, i32 partition, u16 data
//            offset (22), parameters; all little-endian.
// Threads:   plain values and functions. Errors: NET-0004.
// Bounds:    hzclient/wire.h, hzclient/fields.h. Fragments (never seen) are refused.
// Source:    docs/formats/hazelcast-client.md.
#pragma once

#include "hzclient/fields.h"

namespace ox::hzclient::cb2 {

inline constexpr std::uint8_t kWhole = 0xC0, kEvent = 0x01;

struct Message {
  std::uint8_t flags = kWhole;
  std::uint16_t type = 0;
  std::int64_t correlation = 0;
  std::int32_t partition = -1;
  Bytes parameters;
  bool event() const { return (flags & kEvent) != 0; }
};

enum Type : std::uint16_t {
  kAuthentication = 0x0002, kMembershipListener = 0x0004, kCreateProxy = 0x0005, kPing = 0x000f,
  kMapPut = 0x0101, kMapGet = 0x0102, kMapRemove = 0x0103,
  kPublish = 0x0401, kListen = 0x0402, kUnlisten = 0x0403, kSubmit = 0x0906,
  kVoid = 0x0064, kBoolean = 0x0065, kInteger = 0x0066, kLong = 0x0067, kText = 0x0068,
  kData = 0x0069, kAuthenticated = 0x006b, kException = 0x006d,
  kMemberEvent = 0x00c8, kMemberList = 0x00c9, kTopicEvent = 0x00cd,
};

Result<Message> decode(BytesView unit);
Bytes encode(const Message& message);

// Pattern of a type's parameters; null = the client reads such messages as frames only.
const char* patternOf(std::uint16_t type);
Result<Fields> readFields(std::string_view pattern, BytesView parameters);
Bytes writeFields(std::string_view pattern, const Fields& fields);

}  // namespace ox::hzclient::cb2
