// The kinds of frames between members. Frame on the wire: u32 length, u8 kind, body.
// One page: docs/formats/member-protocol.md. Bodies are encoded by the structs in
// control_messages.h and data_messages.h.
#pragma once

#include <cstdint>

namespace ox::grid {

inline constexpr char kMagic[] = "OXM1";           // first bytes of a dialled link
inline constexpr std::uint32_t kMaxFrameBytes = 32u << 20;
inline constexpr std::uint16_t kProtocolMin = 1;   // spoken range; the highest common one is used
inline constexpr std::uint16_t kProtocolMax = 2;
// Suffix of the cluster name: "<group>-<major>.<minor>" of our member protocol generation.
inline constexpr const char* kProtocolGeneration = "10.1";

enum class Kind : std::uint8_t {
  // links (0x01..)
  kHello = 0x01, kChallenge = 0x02, kProof = 0x03, kWelcome = 0x04, kRefuse = 0x05,
  // control (0x10..): heartbeats, joining, views
  kHeartbeat = 0x10, kJoinRequest = 0x11, kView = 0x12, kViewAck = 0x13, kViewQuery = 0x14,
  kViewAnswer = 0x15, kLeaveRequest = 0x16, kMigrationDone = 0x17, kSuspect = 0x18, kDissolve = 0x19,
  kConfirm = 0x1a, kConfirmed = 0x1b, kMapList = 0x1c,  // from protocol 2 on
  // data (0x40..): body starts with u16 slot
  kOperation = 0x40, kOperationReply = 0x41, kBackup = 0x42, kBackupAck = 0x43, kCompare = 0x44,
  kCompareReply = 0x45, kCopyChunk = 0x46, kCopyAck = 0x47, kTopicMessage = 0x48,
  kEntryEvent = 0x49,  // map/entry_listeners.h, protocol 2
  kTask = 0x4a, kTaskReply = 0x4b,
  kTouch = 0x4c,  // last accesses for backups, protocol 2
};

}  // namespace ox::grid
