#include "member_protocol/handshake.h"

#include <algorithm>

#include "base/check.h"
#include "map/map_text.h"
#include "net/keyed_hash.h"

namespace ox::grid {
namespace {
constexpr int kKeyRounds = 100'000;
constexpr std::size_t kLinkKeyBytes = 32;
constexpr std::size_t kMaxRefusalText = 512;
constexpr std::size_t kMaxGroupsLogged = 150;  // of each side, so that both fit a refusal

// Fields of hello and challenge: the same description of oneself, both ways.
struct Description {
  std::uint16_t protocolMin = 0, protocolMax = 0, chosen = 0;
  std::uint8_t linkKind = 0;
  std::uint16_t shard = 0;
  std::uint64_t session = 0;
  std::string clusterName;
  Member member;
  std::uint32_t partitionCount = 0;
  bool password = false;
};

// Reads up to the nonce; what follows is the caller's.
bool decode(ByteReader& in, Description& d) {
  in.u8();  // kind
  d.protocolMin = in.u16();
  d.protocolMax = in.u16();
  d.chosen = in.u16();
  d.linkKind = in.u8();
  d.shard = in.u16();
  d.session = in.u64();
  const BytesView name = in.blob();
  d.member.id = MemberId::read(in);
  const BytesView host = in.blob();
  d.member.address.port = in.u16();
  d.member.lite = in.boolean();
  d.partitionCount = in.u32();
  d.password = in.boolean();
  in.raw(kNonceBytes);
  if (!in.ok()) return false;
  if (name.empty() || name.size() > kMaxClusterName || host.empty() || host.size() > kMaxHost)
    return false;
  d.clusterName = name;
  d.member.address.host = host;
  return d.member.id.valid() && d.linkKind <= 1 && d.protocolMin <= d.protocolMax &&
         d.member.address.port != 0;
}

std::string range(std::uint16_t low, std::uint16_t high) {
  return std::to_string(low) + ".." + std::to_string(high);
}
}  // namespace

const char* refusalName(Refusal r) {
  switch (r) {
    case Refusal::kNone: return "none";
    case Refusal::kClusterName: return "cluster-name";
    case Refusal::kProtocol: return "protocol";
    case Refusal::kPartitionCount: return "partition-count";
    case Refusal::kPassword: return "password";
    case Refusal::kSelf: return "self";
    case Refusal::kStale: return "stale-session";
    case Refusal::kBadMessage: return "bad-message";
    case Refusal::kBusy: return "busy";
    case Refusal::kOtherMember: return "other-member";
    case Refusal::kPartitionGroups: return "partition-groups";
    case Refusal::kEncryption: return "encryption";
    case Refusal::kTls: return "tls";
  }
  return "unknown";
}

Bytes deriveLinkKey(const std::string& password, const std::string& clusterName) {
  if (password.empty()) return {};
  return net::keyOfPassword(password, "ox member link 1:" + clusterName, kKeyRounds, kLinkKeyBytes);
}

Handshake Handshake::dial(const LinkIdentity& self, const LinkPurpose& purpose, Bytes nonce,
                          MemberId expected) {
  Handshake h(self, std::move(nonce));
  h.purpose_ = purpose;
  h.expected_ = expected;
  return h;
}

Handshake Handshake::accept(const LinkIdentity& self, Bytes nonce) {
  Handshake h(self, std::move(nonce));
  h.state_ = State::kAwaitHello;
  return h;
}

Bytes Handshake::describe(Kind kind, std::uint16_t chosen) const {
  OX_CHECK(nonce_.size() == kNonceBytes);
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(kind));
  out.u16(self_.protocolMin);
  out.u16(self_.protocolMax);
  out.u16(chosen);
  out.u8(static_cast<std::uint8_t>(purpose_.kind));
  out.u16(purpose_.shard);
  out.u64(purpose_.session);
  out.blob(self_.clusterName);
  self_.self.id.write(out);
  out.blob(self_.self.address.host);
  out.u16(self_.self.address.port);
  out.boolean(self_.self.lite);
  out.u32(self_.partitionCount);
  out.boolean(!self_.key.empty());
  out.raw(nonce_);
  if (chosen >= 2) out.raw(settings());
  return out.take();
}

Bytes Handshake::settings() const {
  ByteWriter out;
  if (self_.groups.size() <= kMaxGroupsTold)
    out.blob(self_.groups);
  else
    out.blob(self_.groups.substr(0, kMaxGroupsTold - 32) + "... #" +
             std::to_string(digest64(self_.groups)));
  out.u64(self_.mapsDigest);
  return out.take();
}

bool Handshake::readSettings(ByteReader& in, std::string& groups) {
  const BytesView text = in.blob();
  peer_.mapsDigest = in.u64();
  if (!in.ok() || text.empty() || text.size() > kMaxGroupsTold) return false;
  groups = std::string(text);
  return true;
}

Handshake::Step Handshake::checkGroups(const std::string& groups) {
  const Bytes mine = settings();
  ByteReader in(mine);
  const std::string ours(in.blob());
  if (groups == ours) return {};
  return refuse(peer_.protocol >= 2 ? Refusal::kPartitionGroups : Refusal::kPartitionCount,
                "partition groups " + groups.substr(0, kMaxGroupsLogged) + " of " +
                    peer_.member.address.toString() + " differ from " +
                    ours.substr(0, kMaxGroupsLogged) + " of " + self_.self.address.toString() +
                    " (partition-group in hazelcast.xml)");
}

Bytes Handshake::hello() {
  OX_CHECK(state_ == State::kIdle);
  helloFrame_ = describe(Kind::kHello, 0);
  state_ = State::kAwaitChallenge;
  return helloFrame_;
}

Bytes Handshake::proof(const char* role) const {
  if (self_.key.empty()) return {};
  ByteWriter text;
  text.raw(role);
  text.blob(helloFrame_);
  text.blob(challengeFrame_);
  if (!dialerSettings_.empty()) text.blob(dialerSettings_);
  return net::hmacSha256(self_.key, text.bytes());
}

Handshake::Step Handshake::refuse(Refusal code, const std::string& text) {
  state_ = State::kOver;
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Kind::kRefuse));
  out.u8(static_cast<std::uint8_t>(code));
  out.blob(text.substr(0, kMaxRefusalText));
  Step step;
  step.send = out.take();
  step.refused = code;
  step.text = text;
  return step;
}

Handshake::Step Handshake::received(BytesView frame) {
  if (frame.empty() || frame.size() > kMaxHandshakeFrame)
    return refuse(Refusal::kBadMessage, "handshake frame of " + std::to_string(frame.size()) +
                                            " bytes, allowed are 1.." +
                                            std::to_string(kMaxHandshakeFrame));
  const auto kind = static_cast<Kind>(static_cast<std::uint8_t>(frame[0]));
  if (kind == Kind::kRefuse && state_ != State::kAwaitHello && state_ != State::kOver)
    return onRefuse(frame);
  if (kind == Kind::kHello && state_ == State::kAwaitHello) return onHello(frame);
  if (kind == Kind::kChallenge && state_ == State::kAwaitChallenge) return onChallenge(frame);
  if (kind == Kind::kProof && state_ == State::kAwaitProof) return onProof(frame);
  if (kind == Kind::kWelcome && state_ == State::kAwaitWelcome) return onWelcome(frame);
  return refuse(Refusal::kBadMessage,
                "unexpected message kind " +
                    std::to_string(static_cast<int>(static_cast<std::uint8_t>(frame[0]))) +
                    " during the handshake");
}

// The same rules on both sides, so that whoever reads a difference first can name it.
Handshake::Step Handshake::check(bool peerHasPassword, const std::string& name,
                                 std::uint32_t partitions) {
  if (name != self_.clusterName)
    return refuse(Refusal::kClusterName, "cluster name \"" + name + "\" of " +
                                             peer_.member.address.toString() + " differs from \"" +
                                             self_.clusterName + "\" of " +
                                             self_.self.address.toString());
  if (peer_.member.id == self_.self.id)
    return refuse(Refusal::kSelf, "a member dialled itself");
  if (partitions != self_.partitionCount)
    return refuse(Refusal::kPartitionCount,
                  "partition count " + std::to_string(partitions) + " of " +
                      peer_.member.address.toString() + " differs from " +
                      std::to_string(self_.partitionCount) + " of " +
                      self_.self.address.toString() + " (hazelcast.partition.count)");
  if (peerHasPassword == self_.key.empty())
    return refuse(Refusal::kPassword,
                  std::string("only ") +
                      (peerHasPassword ? peer_.member.address : self_.self.address).toString() +
                      " has a group password (com.openexchange.hazelcast.group.password)");
  return {};
}

Handshake::Step Handshake::onHello(BytesView frame) {
  Description d;
  ByteReader in(frame);
  if (!decode(in, d) || !in.atEnd()) return refuse(Refusal::kBadMessage, "undecodable hello");
  helloFrame_ = frame;
  peer_.member = d.member;
  peer_.purpose = {static_cast<LinkKind>(d.linkKind), d.shard, d.session};
  if (Step s = check(d.password, d.clusterName, d.partitionCount); s.refused != Refusal::kNone)
    return s;
  const auto version = std::min(d.protocolMax, self_.protocolMax);
  if (version < std::max(d.protocolMin, self_.protocolMin))
    return refuse(Refusal::kProtocol,
                  "protocol range " + range(d.protocolMin, d.protocolMax) + " of " +
                      d.member.address.toString() + " has nothing in common with " +
                      range(self_.protocolMin, self_.protocolMax) + " of " +
                      self_.self.address.toString());
  peer_.protocol = version;
  if (version < 2)
    if (Step s = checkGroups(kGroupPerMember); s.refused != Refusal::kNone) return s;
  challengeFrame_ = describe(Kind::kChallenge, version);
  state_ = State::kAwaitProof;
  Step step;
  step.send = challengeFrame_;
  return step;
}

Handshake::Step Handshake::onChallenge(BytesView frame) {
  Description d;
  ByteReader in(frame);
  std::string groups = kGroupPerMember;
  if (!decode(in, d) || (d.chosen >= 2 && !readSettings(in, groups)) || !in.atEnd())
    return refuse(Refusal::kBadMessage, "undecodable challenge");
  challengeFrame_ = frame;
  peer_.member = d.member;
  if (Step s = check(d.password, d.clusterName, d.partitionCount); s.refused != Refusal::kNone)
    return s;
  if (expected_.valid() && !(d.member.id == expected_))
    return refuse(Refusal::kOtherMember, "member " + d.member.id.toString() + " answers at " +
                                             d.member.address.toString() + ", meant was " +
                                             expected_.toString());
  if (d.chosen < self_.protocolMin || d.chosen > self_.protocolMax)
    return refuse(Refusal::kProtocol, "protocol " + std::to_string(d.chosen) + " was chosen, we "
                                          "speak " + range(self_.protocolMin, self_.protocolMax));
  peer_.protocol = d.chosen;
  if (Step s = checkGroups(groups); s.refused != Refusal::kNone) return s;
  if (d.chosen >= 2) dialerSettings_ = settings();
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Kind::kProof));
  out.blob(proof("ox dialler"));
  out.raw(dialerSettings_);
  state_ = State::kAwaitWelcome;
  Step step;
  step.send = out.take();
  return step;
}

Handshake::Step Handshake::onProof(BytesView frame) {
  ByteReader in(frame);
  in.u8();
  const BytesView proven = in.blob();
  std::string groups = kGroupPerMember;
  dialerSettings_ = in.ok() ? Bytes(frame.substr(in.position())) : Bytes();
  if (!in.ok() || (peer_.protocol >= 2 && !readSettings(in, groups)) || !in.atEnd())
    return refuse(Refusal::kBadMessage, "undecodable proof");
  if (!net::sameProof(proven, proof("ox dialler")))
    return refuse(Refusal::kPassword, "group password of " + peer_.member.address.toString() +
                                          " differs from the one of " +
                                          self_.self.address.toString());
  if (peer_.protocol >= 2)
    if (Step s = checkGroups(groups); s.refused != Refusal::kNone) return s;
  state_ = State::kOver;
  Step step;
  step.done = true;
  return step;
}

Bytes Handshake::welcome() const {
  ByteWriter out;
  out.u8(static_cast<std::uint8_t>(Kind::kWelcome));
  out.blob(proof("ox acceptor"));
  return out.take();
}

Handshake::Step Handshake::onWelcome(BytesView frame) {
  ByteReader in(frame);
  in.u8();
  const BytesView proven = in.blob();
  if (!in.ok() || !in.atEnd() || !net::sameProof(proven, proof("ox acceptor")))
    return refuse(Refusal::kPassword, peer_.member.address.toString() +
                                          " could not prove that it knows the group password");
  state_ = State::kOver;
  Step step;
  step.done = true;
  return step;
}

Handshake::Step Handshake::onRefuse(BytesView frame) {
  state_ = State::kOver;
  ByteReader in(frame);
  in.u8();
  const std::uint8_t code = in.u8();
  const BytesView text = in.blob();
  Step step;
  step.byPeer = true;
  const auto refusal = static_cast<Refusal>(code);
  const bool known = refusal != Refusal::kNone && refusal != Refusal::kTls &&
                     std::string_view(refusalName(refusal)) != "unknown";
  const bool sound = in.ok() && in.atEnd() && known && text.size() <= kMaxRefusalText;
  step.refused = sound ? refusal : Refusal::kBadMessage;
  step.text = sound ? std::string(text) : "undecodable refusal";
  return step;
}

}  // namespace ox::grid
