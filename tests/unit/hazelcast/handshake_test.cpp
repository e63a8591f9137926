#include <doctest/doctest.h>

#include "base/random.h"
#include "member_protocol/handshake.h"

using namespace ox;
using namespace ox::grid;

namespace {
Bytes nonce(char fill) { return Bytes(kNonceBytes, fill); }

LinkIdentity identity(std::uint64_t id, const std::string& password = "") {
  LinkIdentity i;
  i.clusterName = "MyCluster-10.1";
  i.self = {MemberId{1, id}, Address{"10.0.0." + std::to_string(id), 5711}, false};
  i.key = deriveLinkKey(password, i.clusterName);
  return i;
}

struct Outcome {
  Handshake::Step dialler, acceptor;
};

// Carries frames between the two until both are done or refused.
Outcome run(Handshake& a, Handshake& b) {
  Outcome out;
  out.acceptor = b.received(a.hello());
  if (!out.acceptor.send) return out;
  out.dialler = a.received(*out.acceptor.send);
  if (out.acceptor.refused != Refusal::kNone || !out.dialler.send) return out;
  out.acceptor = b.received(*out.dialler.send);
  if (out.dialler.refused != Refusal::kNone) return out;
  const Bytes answer = out.acceptor.done ? b.welcome() : *out.acceptor.send;
  out.dialler = a.received(answer);
  return out;
}

Outcome run(const LinkIdentity& a, const LinkIdentity& b, const LinkPurpose& purpose = {}) {
  Handshake dialler = Handshake::dial(a, purpose, nonce('a'));
  Handshake acceptor = Handshake::accept(b, nonce('b'));
  return run(dialler, acceptor);
}
}  // namespace

TEST_CASE("both sides learn who the other is") {
  Handshake a = Handshake::dial(identity(1), {LinkKind::kData, 3, 77}, nonce('a'));
  Handshake b = Handshake::accept(identity(2), nonce('b'));
  const Outcome out = run(a, b);
  CHECK(out.dialler.done);
  CHECK(out.acceptor.done);
  CHECK(a.peer().member.id == MemberId{1, 2});
  CHECK(b.peer().member.address.toString() == "10.0.0.1:5711");
  CHECK(b.peer().purpose.kind == LinkKind::kData);
  CHECK(b.peer().purpose.shard == 3);
  CHECK(b.peer().purpose.session == 77);
  CHECK(b.peer().protocol == kProtocolMax);
}

TEST_CASE("a foreign cluster name is refused, both sides learn both names") {
  LinkIdentity other = identity(1);
  other.clusterName = "Other-10.1";
  const Outcome out = run(other, identity(2));
  CHECK(out.acceptor.refused == Refusal::kClusterName);
  CHECK(out.dialler.refused == Refusal::kClusterName);
  CHECK(out.dialler.byPeer);
  for (const auto& step : {out.acceptor, out.dialler}) {
    CHECK(step.text.find("Other-10.1") != std::string::npos);
    CHECK(step.text.find("MyCluster-10.1") != std::string::npos);
  }
}

TEST_CASE("another partition count and a foreign protocol range are refused and named") {
  LinkIdentity other = identity(1);
  other.partitionCount = 137;
  Outcome out = run(other, identity(2));
  CHECK(out.acceptor.refused == Refusal::kPartitionCount);
  CHECK(out.dialler.text.find("137") != std::string::npos);
  other = identity(1);
  other.protocolMin = 7;
  other.protocolMax = 9;
  out = run(other, identity(2));
  CHECK(out.acceptor.refused == Refusal::kProtocol);
  CHECK(out.dialler.text.find("7..9") != std::string::npos);
}

TEST_CASE("the highest common protocol is used") {
  LinkIdentity a = identity(1), b = identity(2);
  a.protocolMin = 3, a.protocolMax = 6;
  b.protocolMin = 5, b.protocolMax = 9;
  Handshake dialler = Handshake::dial(a, {}, nonce('a'));
  Handshake acceptor = Handshake::accept(b, nonce('b'));
  CHECK(run(dialler, acceptor).dialler.done);
  CHECK(dialler.peer().protocol == 6);
  CHECK(acceptor.peer().protocol == 6);
}

TEST_CASE("the password is proven both ways and never sent") {
  CHECK(run(identity(1, "geheim"), identity(2, "geheim")).dialler.done);
  Outcome out = run(identity(1, "falsch"), identity(2, "geheim"));
  CHECK(out.acceptor.refused == Refusal::kPassword);
  CHECK(out.dialler.refused == Refusal::kPassword);
  CHECK(run(identity(1), identity(2, "geheim")).acceptor.refused == Refusal::kPassword);
  CHECK(run(identity(1, "geheim"), identity(2)).acceptor.refused == Refusal::kPassword);

  Handshake a = Handshake::dial(identity(1, "geheim"), {}, nonce('a'));
  Handshake b = Handshake::accept(identity(2, "geheim"), nonce('b'));
  const Bytes hello = a.hello();
  const auto challenge = b.received(hello);
  const auto proof = a.received(*challenge.send);
  for (const Bytes& frame : {hello, *challenge.send, *proof.send, b.welcome()})
    CHECK(frame.find("geheim") == Bytes::npos);
  // An acceptor that merely echoes the dialler's proof is not believed.
  Bytes echoed = *proof.send;
  echoed[0] = static_cast<char>(Kind::kWelcome);
  CHECK(a.received(echoed).refused == Refusal::kPassword);
}

TEST_CASE("a proof is worth nothing in another handshake") {
  Handshake a = Handshake::dial(identity(1, "geheim"), {}, nonce('a'));
  Handshake b = Handshake::accept(identity(2, "geheim"), nonce('b'));
  const Bytes hello = a.hello();
  const auto proof = a.received(*b.received(hello).send);
  Handshake later = Handshake::accept(identity(2, "geheim"), nonce('c'));
  (void)later.received(hello);
  CHECK(later.received(*proof.send).refused == Refusal::kPassword);
}

TEST_CASE("a member that dials itself or finds another one is told so") {
  CHECK(run(identity(1), identity(1)).acceptor.refused == Refusal::kSelf);
  Handshake a = Handshake::dial(identity(1), {}, nonce('a'), MemberId{1, 9});
  Handshake b = Handshake::accept(identity(2), nonce('b'));
  const Outcome out = run(a, b);
  CHECK(out.dialler.refused == Refusal::kOtherMember);
  CHECK(out.acceptor.refused == Refusal::kOtherMember);
  CHECK(out.acceptor.byPeer);
}

TEST_CASE("messages out of turn and hostile bytes end the handshake") {
  Handshake b = Handshake::accept(identity(2), nonce('b'));
  CHECK(b.received(Bytes(1, static_cast<char>(Kind::kProof))).refused == Refusal::kBadMessage);
  Handshake early = Handshake::accept(identity(2), nonce('b'));
  CHECK(early.received(Bytes(1, static_cast<char>(Kind::kRefuse))).refused == Refusal::kBadMessage);
  Handshake large = Handshake::accept(identity(2), nonce('b'));
  CHECK(large.received(Bytes(kMaxHandshakeFrame + 1, '\1')).refused == Refusal::kBadMessage);
  Handshake nothing = Handshake::accept(identity(2), nonce('b'));
  CHECK(nothing.received({}).refused == Refusal::kBadMessage);

  Handshake dialler = Handshake::dial(identity(1), {}, nonce('a'));
  const Bytes hello = dialler.hello();
  for (std::size_t n = 0; n < hello.size(); ++n) {
    Handshake cut = Handshake::accept(identity(2), nonce('b'));
    CHECK(cut.received(hello.substr(0, n)).refused == Refusal::kBadMessage);
  }
  // Changed bytes may be refused or not, but are never believed with a password.
  SeededRandom random(7);
  const LinkIdentity locked = identity(2, "geheim");
  for (int i = 0; i < 3000; ++i) {
    Handshake victim = Handshake::accept(locked, nonce('b'));
    Bytes bad = hello;
    for (int k = 0; k < 4; ++k) bad[random.below(bad.size())] = static_cast<char>(random.next());
    const auto first = victim.received(bad);
    if (first.refused != Refusal::kNone) continue;
    Bytes proof(1, static_cast<char>(Kind::kProof));
    for (int k = 0; k < 36; ++k) proof.push_back(static_cast<char>(random.next()));
    CHECK_FALSE(victim.received(proof).done);
  }
}

TEST_CASE("different partition groups are refused, both sides name both") {
  LinkIdentity a = identity(1, "secret"), b = identity(2, "secret");
  a.groups = "HOST_AWARE";
  b.groups = "CUSTOM [10.0.0.*] [10.0.1.*]";
  for (const bool swapped : {false, true}) {
    const Outcome out = swapped ? run(b, a) : run(a, b);
    CHECK(out.dialler.refused == Refusal::kPartitionGroups);
    REQUIRE(out.dialler.send.has_value());
    Handshake told = Handshake::accept(swapped ? a : b, nonce('b'));
    Handshake dialler = Handshake::dial(swapped ? b : a, {}, nonce('a'));
    (void)told.received(dialler.hello());
    const auto heard = told.received(*out.dialler.send);
    CHECK(heard.byPeer);
    CHECK(heard.refused == Refusal::kPartitionGroups);
    for (const std::string& text : {out.dialler.text, heard.text}) {
      CHECK(text.find("HOST_AWARE") != std::string::npos);
      CHECK(text.find("10.0.1.*") != std::string::npos);
    }
  }
}

TEST_CASE("a member of protocol 1 has no groups; it is refused in words it knows") {
  LinkIdentity old = identity(1), grouped = identity(2);
  old.protocolMax = 1;
  grouped.groups = "HOST_AWARE";
  CHECK(run(old, grouped).dialler.refused == Refusal::kPartitionCount);
  grouped.groups = kGroupPerMember;
  Handshake a = Handshake::dial(old, {}, nonce('a'));
  Handshake b = Handshake::accept(grouped, nonce('b'));
  const Bytes challenge = *b.received(a.hello()).send;
  // magic of the layout: nothing behind the nonce, a proof that is one blob.
  CHECK(challenge.substr(challenge.size() - kNonceBytes) == nonce('b'));
  const auto proof = a.received(challenge);
  REQUIRE(proof.send.has_value());
  CHECK(proof.send->size() == 1 + 4);
  CHECK(b.received(*proof.send).done);
  CHECK(b.peer().protocol == 1);
}

TEST_CASE("the digests of the map configurations arrive, and what was signed cannot be changed") {
  LinkIdentity x = identity(1, "secret"), y = identity(2, "secret");
  x.mapsDigest = 11;
  y.mapsDigest = 22;
  Handshake a = Handshake::dial(x, {}, nonce('a'));
  Handshake b = Handshake::accept(y, nonce('b'));
  const Outcome out = run(a, b);
  CHECK(out.dialler.done);
  CHECK(out.acceptor.done);
  CHECK(a.peer().mapsDigest == 22);
  CHECK(b.peer().mapsDigest == 11);

  Handshake c = Handshake::dial(x, {}, nonce('a'));
  Handshake d = Handshake::accept(y, nonce('b'));
  Bytes proof = *c.received(*d.received(c.hello()).send).send;
  proof.back() = 12;  // the digest on its way
  CHECK(d.received(proof).refused == Refusal::kPassword);
}

TEST_CASE("long partition groups are compared by beginning and digest") {
  LinkIdentity a = identity(1), b = identity(2);
  a.groups = b.groups = std::string(5000, 'x');
  CHECK(run(a, b).dialler.done);
  b.groups.back() = 'y';
  CHECK(run(a, b).dialler.refused == Refusal::kPartitionGroups);
}
