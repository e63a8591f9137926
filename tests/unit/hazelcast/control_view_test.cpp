// ClusterView and control messages: round trips, hostile bytes; the failure detector.
#include <doctest/doctest.h>

#include "base/random.h"
#include "member_protocol/control_messages.h"
#include "membership/failure_detector.h"

using namespace ox;
using namespace ox::grid;

namespace {
ClusterView sampleView() {
  ClusterView v;
  for (std::uint64_t i = 1; i <= 3; ++i)
    v.members.push_back({{7, i}, {"10.0.0.1", static_cast<std::uint16_t>(5700 + i)}, i == 3});
  v.id = {2, 5, v.members[0].id};
  v.clusterName = "c-10.1";
  v.partitions.resize(5);
  for (Replicas& r : v.partitions) {
    r.at[0] = v.members[0].id;
    r.count = 1;
  }
  v.migrations.push_back({3, v.members[1].id, true, 0, 255});
  v.leaving.push_back(v.members[0].id);
  return v;
}
Result<ClusterView> roundTrip(const ClusterView& v) {
  ByteWriter out;
  v.encode(out);
  ByteReader in(out.bytes());
  return ClusterView::decode(in);
}
}  // namespace

TEST_CASE("a view survives the wire") {
  const ClusterView v = sampleView();
  REQUIRE(v.validate().empty());
  const auto back = roundTrip(v);
  REQUIRE(back.ok());
  CHECK(back->id == v.id);
  CHECK(back->clusterName == v.clusterName);
  CHECK(back->members == v.members);
  CHECK(back->partitions == v.partitions);
  CHECK(back->migrations == v.migrations);
  CHECK(back->leaving == v.leaving);
}

TEST_CASE("a view of protocol 1 is encoded as members of protocol 1 do; later ones name theirs") {
  ClusterView v = sampleView();
  ByteWriter one;
  v.encode(one);
  // epoch, counter, master; name; three members; five rows; one migration; one leaving.
  CHECK(one.size() == 32 + 4 + 6 + 4 + 3 * (16 + 4 + 8 + 2 + 1) + 4 + 5 * 3 + 4 + 7 + 4 + 2);
  CHECK(roundTrip(v)->protocol == 1);
  v.protocol = 2;
  ByteWriter two;
  v.encode(two);
  CHECK(two.bytes().substr(0, one.size()) == one.bytes());
  CHECK(two.size() == one.size() + 2);
  CHECK(roundTrip(v)->protocol == 2);
  Bytes lie = two.bytes();
  lie.back() = 1;  // "protocol 1" where protocol 1 has nothing
  ByteReader in(lie);
  CHECK_FALSE(ClusterView::decode(in).ok());
}

TEST_CASE("unsound views are named and refused by the decoder") {
  const auto refused = [](auto change) {
    ClusterView v = sampleView();
    change(v);
    CHECK_FALSE(v.validate().empty());
    CHECK_FALSE(roundTrip(v).ok());
  };
  refused([](ClusterView& v) { v.id.epoch = 0; });
  refused([](ClusterView& v) { v.members.clear(); });
  refused([](ClusterView& v) { v.members.push_back(v.members[0]); });
  refused([](ClusterView& v) { v.members[1].address = v.members[0].address; });
  refused([](ClusterView& v) { v.members[1].address.port = 0; });
  refused([](ClusterView& v) { v.partitions[0].at[0] = MemberId{9, 9}; });
  refused([](ClusterView& v) { v.partitions[0].at[0] = v.members[2].id; });  // lite
  refused([](ClusterView& v) {
    v.partitions[0].at[1] = v.members[0].id;
    v.partitions[0].count = 2;
  });
  refused([](ClusterView& v) { v.migrations.push_back(v.migrations[0]); });
  refused([](ClusterView& v) { v.migrations[0].target = v.members[0].id; });
  refused([](ClusterView& v) { v.migrations[0].partition = 99; });
  refused([](ClusterView& v) { v.migrations[0].becomesOwner = false; });
  refused([](ClusterView& v) { v.migrations[0].dropIndex = 4; });
  refused([](ClusterView& v) { v.leaving.push_back(v.leaving[0]); });
  refused([](ClusterView& v) { v.partitions.clear(); });
}

TEST_CASE("cut or changed bytes never pass for another view unnoticed by validate") {
  ByteWriter out;
  sampleView().encode(out);
  for (std::size_t n = 0; n < out.size(); ++n) {
    ByteReader in(BytesView(out.bytes()).substr(0, n));
    CHECK_FALSE(ClusterView::decode(in).ok());
  }
  SeededRandom random(3);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = out.bytes();
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    ByteReader in(bytes);
    const auto v = ClusterView::decode(in);
    if (v) CHECK(v->validate().empty());
  }
}

TEST_CASE("heartbeats and answers survive the wire; lies about lengths do not") {
  Heartbeat h;
  h.state = MemberState::kJoined;
  h.clusterName = "c-10.1";
  h.view = {1, 2, {3, 4}};
  h.master = {"::1", 5701};
  h.members = 3;
  h.ownedEntries = 9;
  h.clusterEntries = 27;
  h.promisedEpoch = 6;
  h.youAreMember = true;
  h.waitsFor = Address{"10.0.0.1", 5711};
  h.seen = {{"10.0.0.2", 1}, {"10.0.0.3", 2}};
  h.foreignMasters = {{"10.0.0.4", 3}};
  h.hearsYou = h.settled = true;
  h.wallMillis = 1'700'000'000'000;
  h.unheard = {{{3, 4}, true}, {{5, 6}, false}};
  h.strangers = {{7, 8}};
  const Bytes frame = encodeFrame(h);
  CHECK(frame[0] == static_cast<char>(Kind::kHeartbeat));
  const auto back = decodeBody<Heartbeat>(BytesView(frame).substr(1));
  REQUIRE(back.ok());
  CHECK(back->view == h.view);
  CHECK(back->seen == h.seen);
  CHECK(back->waitsFor == h.waitsFor);
  CHECK(back->foreignMasters == h.foreignMasters);
  CHECK(back->clusterEntries == 27);
  CHECK(back->hearsYou);
  CHECK(back->settled);
  CHECK_FALSE(back->refusesYou);
  CHECK(back->wallMillis == 1'700'000'000'000);
  CHECK(back->unheard == h.unheard);
  CHECK(back->strangers == h.strangers);
  // A member of protocol 1 is sent, and sends, a body that ends before what protocol 2 added.
  h.protocol = 1;
  const Bytes old = encodeFrame(h);
  CHECK(frame.substr(0, old.size()) == old);
  CHECK(decodeBody<Heartbeat>(BytesView(old).substr(1))->protocol == 1);
  for (std::size_t n = 1; n < frame.size(); ++n)
    if (n != old.size())
      CHECK_FALSE(decodeBody<Heartbeat>(BytesView(frame).substr(1, n - 1)).ok());
  CHECK_FALSE(decodeBody<Heartbeat>(Bytes(frame.substr(1)) + "x").ok());

  ViewAnswer a{4, true, 4, sampleView()};
  const Bytes answer = encodeFrame(a);
  const auto answered = decodeBody<ViewAnswer>(BytesView(answer).substr(1));
  REQUIRE(answered.ok());
  REQUIRE(answered->view.has_value());
  CHECK(answered->view->partitions == sampleView().partitions);
}

TEST_CASE("ids and addresses as text") {
  CHECK(MemberId{0x0123456789abcdefULL, 0xfedcba9876543210ULL}.toString() ==
        "01234567-89ab-cdef-fedc-ba9876543210");
  CHECK(Address{"10.0.0.15", 5701}.toString() == "10.0.0.15:5701");
  CHECK(Address{"::1", 5701}.toString() == "[::1]:5701");
}

TEST_CASE("silence makes suspected, a refused knock makes gone, a word takes both back") {
  FailureDetector d(1000);
  const MemberId a{1, 1};
  CHECK_FALSE(d.suspected(a, 99999));  // not watched
  d.watch(a, 0);
  CHECK_FALSE(d.suspected(a, 1000));
  CHECK(d.suspected(a, 1001));
  d.heard(a, 1001);
  CHECK_FALSE(d.suspected(a, 1500));
  d.gone(a);
  CHECK(d.suspected(a, 1500));
  d.heard(a, 1500);
  CHECK_FALSE(d.suspected(a, 1500));
}

TEST_CASE("a steady member is suspected after some of its heartbeats, a slow one at the limit") {
  const MemberId steady{1, 1}, slow{2, 2}, fresh{3, 3};
  FailureDetector d(10'000, 1000);
  for (const MemberId& id : {steady, slow, fresh}) d.watch(id, 0);
  std::int64_t late = 0;
  for (std::int64_t i = 1; i <= 20; ++i) {
    const std::int64_t t = i * 1000 + 20 * (i % 2);
    d.heard(steady, t);
    d.beat(steady, t);
    late = i * 1000 + 900 * (i % 3);
    d.heard(slow, late);
    d.beat(slow, late);
  }
  CHECK(d.limitOf(fresh) == 10'000);  // nothing is known of it
  CHECK(d.limitOf(steady) >= 4000);
  CHECK(d.limitOf(steady) < 5000);
  CHECK(d.limitOf(slow) > 7000);
  CHECK(d.limitOf(slow) <= 10'000);
  CHECK_FALSE(d.suspected(steady, 20'000 + 4000));
  CHECK(d.suspected(steady, 20'000 + 5000));
  CHECK_FALSE(d.suspected(slow, late + 7000));
  CHECK(d.suspected(slow, late + 10'001));
  // Answers out of turn teach nothing, nor does a pause of our own.
  for (int i = 0; i < 50; ++i) d.beat(steady, 20'001);
  CHECK(d.limitOf(steady) >= 4000);
  d.tick(20'001);
  CHECK(d.tick(26'000) == 5999);
  d.heard(steady, 26'000);
  d.beat(steady, 26'000);
  CHECK(d.limitOf(steady) < 5000);
}

TEST_CASE("a pause of our own is noticed and not held against others") {
  FailureDetector d(1000);
  const MemberId a{1, 1};
  d.watch(a, 0);
  CHECK(d.tick(0) == 0);
  CHECK(d.tick(500) == 0);
  CHECK(d.tick(5000) == 4500);
  CHECK_FALSE(d.suspected(a, 5900));
  CHECK(d.suspected(a, 6100));
}
