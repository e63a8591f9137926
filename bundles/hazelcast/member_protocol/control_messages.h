// Bodies of the control frames (kinds 0x10..0x1c): one struct per kind, with its own encoding.
//
// Purpose: what control cores tell each other. docs/formats/member-protocol.md is the page of it.
// Threads: plain values.
// Errors:  decode() of outside bytes is bounded; anything unsound is GRID-0008.
// Use:     Bytes frame = encodeFrame(Heartbeat{...}); auto h = decodeBody<Heartbeat>(body).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "map/map_text.h"
#include "member_protocol/message.h"
#include "membership/cluster_view.h"
#include "types.h"

namespace ox::grid {

inline constexpr std::size_t kMaxAddressesTold = 64;  // per heartbeat and list
inline constexpr std::size_t kMaxUnheardTold = 64;    // a full list says nothing of the others

enum class MemberState : std::uint8_t { kLooking = 0, kJoined = 1, kLeft = 2 };

// A member of the sender's view that it does not hear: for some heartbeats, or so long that it
// would count as dead.
struct Unheard {
  MemberId member;
  bool suspected = false;
  bool operator==(const Unheard&) const = default;
};

struct Heartbeat {
  static constexpr Kind kKind = Kind::kHeartbeat;
  MemberState state = MemberState::kLooking;
  std::string clusterName;
  ViewId view;                         // installed view; epoch 0 = none
  Address master;                      // of that view
  std::uint32_t members = 0;           // of that view
  std::uint64_t ownedEntries = 0;      // on the sender
  std::uint64_t clusterEntries = 0;    // summed up by a master, else 0
  std::uint64_t promisedEpoch = 0;     // the sender installs no older epoch
  bool youAreMember = false;           // the receiver stands in the sender's view
  std::optional<Address> waitsFor;     // looking: who shall found the cluster (may be itself)
  std::vector<Address> seen;           // where members have been seen
  std::vector<Address> foreignMasters; // masters of other clusters of the same name
  // From protocol 2 on; absent on links of protocol 1.
  std::uint16_t protocol = kProtocolMax;
  bool hearsYou = false;               // a heartbeat of the receiver has come lately
  bool refusesYou = false;             // excluded: no admission before all members reach it
  bool settled = false;                // nothing moves in the sender's view
  std::int64_t wallMillis = 0;         // the sender's clock
  std::vector<Unheard> unheard;
  std::vector<MemberId> strangers;     // not in the view, but both hear each other
  void encode(ByteWriter& out) const;
  static Heartbeat decode(ByteReader& in);
};

struct JoinRequest {
  static constexpr Kind kKind = Kind::kJoinRequest;
  Member member;
  std::uint32_t partitionCount = 0;
  void encode(ByteWriter& out) const;
  static JoinRequest decode(ByteReader& in);
};

struct ViewAck {
  static constexpr Kind kKind = Kind::kViewAck;
  ViewId view;
  void encode(ByteWriter& out) const;
  static ViewAck decode(ByteReader& in);
};

// "I am about to be master of this epoch: which view have you, and promise to install no older
// epoch from now on."
struct ViewQuery {
  static constexpr Kind kKind = Kind::kViewQuery;
  std::uint64_t epoch = 0;
  void encode(ByteWriter& out) const;
  static ViewQuery decode(ByteReader& in);
};

struct ViewAnswer {
  static constexpr Kind kKind = Kind::kViewAnswer;
  std::uint64_t epoch = 0;          // of the question
  bool agreed = false;              // false: an elder lives, or a greater epoch was promised
  std::uint64_t promisedEpoch = 0;
  std::optional<ClusterView> view;  // installed here
  void encode(ByteWriter& out) const;
  static ViewAnswer decode(ByteReader& in);
};

struct LeaveRequest {
  static constexpr Kind kKind = Kind::kLeaveRequest;
  MemberId member;
  void encode(ByteWriter& out) const;
  static LeaveRequest decode(ByteReader& in);
};

struct MigrationDone {
  static constexpr Kind kKind = Kind::kMigrationDone;
  ViewId view;
  Migration migration;
  void encode(ByteWriter& out) const;
  static MigrationDone decode(ByteReader& in);
};

struct Suspect {
  static constexpr Kind kKind = Kind::kSuspect;
  MemberId member;
  void encode(ByteWriter& out) const;
  static Suspect decode(ByteReader& in);
};

struct Dissolve {
  static constexpr Kind kKind = Kind::kDissolve;
  Address target;  // master of the cluster to join
  void encode(ByteWriter& out) const;
  static Dissolve decode(ByteReader& in);
};

// "Which view is in force where you are?" Asked after a pause of the asker; protocol 2.
struct Confirm {
  static constexpr Kind kKind = Kind::kConfirm;
  std::uint64_t nonce = 0;
  void encode(ByteWriter& out) const;
  static Confirm decode(ByteReader& in);
};

struct Confirmed {
  static constexpr Kind kKind = Kind::kConfirmed;
  std::uint64_t nonce = 0;          // of the question
  ViewId view;                      // epoch 0 = none
  std::uint64_t promisedEpoch = 0;
  void encode(ByteWriter& out) const;
  static Confirmed decode(ByteReader& in);
};

// The sender's map configurations; sent when the handshake shows that they differ. Protocol 2.
struct MapList {
  static constexpr Kind kKind = Kind::kMapList;
  MapTexts maps;
  void encode(ByteWriter& out) const;
  static MapList decode(ByteReader& in);
};

// kView's body is the ClusterView itself.
Bytes encodeViewFrame(const ClusterView& view);

template <typename Message>
Bytes encodeFrame(const Message& message) {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Message::kKind));
  message.encode(out);
  return out.take();
}

template <typename Message>
Result<Message> decodeBody(BytesView body) {
  ByteReader in(body);
  Message message = Message::decode(in);
  if (!in.ok() || !in.atEnd())
    return Error(Code::kGridBadMessage,
                 "member message of kind " + std::to_string(static_cast<int>(Message::kKind)) +
                     " cannot be decoded");
  return message;
}

}  // namespace ox::grid
