// CP2: the Open Client Protocol 2.x (Hazelcast 4.x, 5.x).
//
// Message:   frames; each i32 length (with its 6 bytes of head), u16 flags, content; the last one is
//            marked. The first begins with i32 type, i64 correlation id, then i32 partition (request,
//            event) or u8 backup acknowledgements (response), then all parameters of fixed size.
// Threads:   plain values and functions. Errors: NET-0004.
// Bounds:    hzclient/wire.h, hzclient/fields.h. Fragments (never seen) are refused.
// Source:    docs/formats/hazelcast-client.md.
#pragma once

#include "hzclient/fields.h"

namespace ox::hzclient::cp2 {

inline constexpr std::uint16_t kWhole = 0xC000, kFinal = 0x2000, kBegin = 0x1000, kEnd = 0x0800,
                               kNull = 0x0400, kEventFlag = 0x0200, kBackupAware = 0x0100;

struct Frame {
  std::uint16_t flags = 0;  // without kFinal, which follows from its place
  Bytes content;
  bool operator==(const Frame&) const = default;
};

struct Message {
  std::uint32_t type = 0;
  std::int64_t correlation = 0;
  std::int32_t partition = -1;  // request, event
  std::uint8_t backupAcks = 0;  // response
  std::uint16_t flags = kWhole;
  Bytes fixed;                  // of the first frame, behind its head
  std::vector<Frame> frames;    // the others
  bool event() const { return (flags & kEventFlag) != 0; }
};

enum Type : std::uint32_t {
  kError = 0x000000, kAuthentication = 0x000100, kAuthenticated = 0x000101,
  kClusterView = 0x000300, kMembersView = 0x000302, kPartitionsView = 0x000303,
  kCreateProxy = 0x000400, kPing = 0x000b00,
  kMapPut = 0x010100, kMapGet = 0x010200, kMapRemove = 0x010300,
  kPublish = 0x040100, kListen = 0x040200, kTopicEvent = 0x040202, kUnlisten = 0x040300,
  kSubmit = 0x080600,
};

Result<Message> decode(BytesView unit);
Bytes encode(const Message& message);

struct Pattern {
  const char* fixed = nullptr;  // null = the client reads such messages as frames only
  const char* frames = nullptr;
};
Pattern patternOf(std::uint32_t type);
// The parameters of fixed size, then those in frames.
Result<Fields> readFields(const Pattern& pattern, const Message& message);
void writeFields(const Pattern& pattern, const Fields& fields, Message& message);

// 17 bytes on the wire; text as in "00112233-4455-6677-8899-aabbccddeeff". Empty = null.
std::string uuidText(BytesView wire);
Bytes uuidWire(std::uint64_t high, std::uint64_t low);

}  // namespace ox::hzclient::cp2
