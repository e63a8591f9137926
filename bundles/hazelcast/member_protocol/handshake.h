// The handshake at the beginning of every link between members, as pure logic for both sides.
//
//   dialling side                       accepting side
//   "OXM1" hello(description)     ->
//                                 <-    challenge(description, protocol)   or refuse(code, text)
//   proof(hmac)                   ->                                       (or refuse by the dialler)
//                                 <-    welcome(hmac)                      or refuse(code, text)
//
// From protocol 2 on the challenge ends with the acceptor's settings (partition groups, digest of
// the map configurations) and the proof with the dialler's; both are covered by the HMACs.
//
// Purpose:   both sides know afterwards who the other is, speak the same protocol version, belong
//            to the same cluster and, where a group password is set, have proven to know it. The
//            password never travels: the proofs are HMAC-SHA256 over the complete hello and
//            challenge (with both nonces), with a key derived from the password.
// Threads:   none; one object per link.
// Errors:    every refusal has a code and a sentence that names both values; each side that
//            refuses tells the other, so that both logs show it.
// Bounds:    kMaxHandshakeFrame bytes a frame; the host sets the deadline kHandshakeMillis.
// Format:    docs/formats/member-protocol-links.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "member_protocol/message.h"
#include "types.h"

namespace ox::grid {

inline constexpr std::size_t kMaxHandshakeFrame = 4096;
inline constexpr std::int64_t kHandshakeMillis = 5000;
inline constexpr std::size_t kNonceBytes = 32;
inline constexpr std::size_t kProofBytes = 32;
inline constexpr std::size_t kMaxClusterName = 256;
inline constexpr std::size_t kMaxHost = 256;
inline constexpr std::size_t kMaxGroupsTold = 1024;  // longer ones are told as beginning and digest
inline constexpr const char* kGroupPerMember = "PER_MEMBER";  // all that protocol 1 knows

enum class LinkKind : std::uint8_t { kControl = 0, kData = 1 };

enum class Refusal : std::uint8_t {
  kNone = 0,
  kClusterName = 1,
  kProtocol = 2,
  kPartitionCount = 3,
  kPassword = 4,    // differs, or only one side has one
  kSelf = 5,        // a member that dialled itself
  kStale = 6,       // data link of a session that is over: dial again
  kBadMessage = 7,  // undecodable, or out of turn
  kBusy = 8,        // leaving, or too many links
  kOtherMember = 9, // another member answers at that address than the one dialled
  kPartitionGroups = 10,  // differ; members of protocol 1 are told kPartitionCount
  kEncryption = 14, // one side encrypts, the other does not
  kTls = 15,        // never sent: TLS itself failed (certificate, key, version), which has alerts
};
inline constexpr int kRefusals = 16;  // all codes are below
const char* refusalName(Refusal r);  // metric label, e.g. "cluster-name"

// Key for the proofs; empty when no password is set. Slow on purpose (PBKDF2): once per start.
Bytes deriveLinkKey(const std::string& password, const std::string& clusterName);

// What this member says of itself on every link.
struct LinkIdentity {
  std::string clusterName;
  Member self;
  std::uint32_t partitionCount = kDefaultPartitionCount;
  Bytes key;  // of deriveLinkKey
  std::string groups = kGroupPerMember;  // partition groups as text; must be equal (protocol 2)
  std::uint64_t mapsDigest = 0;          // of the map configurations; may differ (map_text.h)
  std::uint16_t protocolMin = kProtocolMin;
  std::uint16_t protocolMax = kProtocolMax;
};

// What a link is for.
struct LinkPurpose {
  LinkKind kind = LinkKind::kControl;
  std::uint16_t shard = 0;      // data: sending shard
  std::uint64_t session = 0;    // data: number of the pair's session (links.h)
};

struct LinkPeer {
  Member member;
  LinkPurpose purpose;          // only where we accepted
  std::uint16_t protocol = 0;
  std::uint64_t mapsDigest = 0;  // from protocol 2 on
};

class Handshake {
 public:
  struct Step {
    std::optional<Bytes> send;             // frame to send now
    bool done = false;                     // the link is usable
    Refusal refused = Refusal::kNone;      // over: close (after sending)
    bool byPeer = false;                   // the other side refused
    std::string text;                      // why
  };

  // `nonce`: kNonceBytes fresh random bytes. `expected` (dialling): the member meant, if known.
  static Handshake dial(const LinkIdentity& self, const LinkPurpose& purpose, Bytes nonce,
                        MemberId expected = {});
  static Handshake accept(const LinkIdentity& self, Bytes nonce);

  Bytes hello();                            // dialling side: first frame behind the magic
  Step received(BytesView frame);
  // Accepting side, after the proof was found right and before welcome() is sent: the host may
  // still refuse (stale session).
  Bytes welcome() const;
  Step refuse(Refusal code, const std::string& text);
  const LinkPeer& peer() const { return peer_; }

 private:
  enum class State : std::uint8_t { kIdle, kAwaitHello, kAwaitChallenge, kAwaitProof, kAwaitWelcome,
                                    kOver };
  Handshake(const LinkIdentity& self, Bytes nonce) : self_(self), nonce_(std::move(nonce)) {}
  Bytes describe(Kind kind, std::uint16_t chosen) const;
  Bytes proof(const char* role) const;
  Step onHello(BytesView frame);
  Step onChallenge(BytesView frame);
  Step onProof(BytesView frame);
  Step onWelcome(BytesView frame);
  Step onRefuse(BytesView frame);
  Bytes settings() const;
  bool readSettings(ByteReader& in, std::string& groups);
  Step checkGroups(const std::string& groups);
  Step check(bool peerHasPassword, const std::string& name, std::uint32_t partitions);

  LinkIdentity self_;
  LinkPurpose purpose_;
  Bytes nonce_;
  MemberId expected_;
  State state_ = State::kIdle;
  Bytes helloFrame_, challengeFrame_;
  Bytes dialerSettings_;  // as sent in the proof; empty with protocol 1
  LinkPeer peer_;
};

}  // namespace ox::grid
