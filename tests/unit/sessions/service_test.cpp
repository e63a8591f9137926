// SessiondService and the records on maps in memory: limits, take-over, endings, failures.
#include <doctest/doctest.h>

#include <thread>

#include "base/log.h"
#include "fake_cluster.h"
#include "serialization/data.h"

using namespace ox;
using namespace ox::sessiond;
using services::CloseRequest;
using services::Session;
using services::SessionPtr;
using test::login;
using test::SessionCluster;
using Node = SessionCluster::Node;

namespace {
Bytes keyOf(const std::string& id) { return serialization::toData(id); }
Code codeOf(const Result<SessionPtr>& r) { return r.ok() ? Code::kInternal : r.error().code; }
}  // namespace

TEST_CASE("a created session is in the map before create returns, with its idle time") {
  SessionCluster c;
  Node node(c, "1");
  const auto s = node.service.create(login());
  REQUIRE(s.ok());
  CHECK(validSessionId((*s)->sessionId));
  CHECK(validSessionId((*s)->secret));
  CHECK((*s)->secret != (*s)->sessionId);
  auto& values = c.maps.sessions->values;
  REQUIRE(values.count(keyOf((*s)->sessionId)) == 1);
  // one slot more than the life time: a use is told once per slot
  CHECK(values[keyOf((*s)->sessionId)].maxIdleMillis == 3'600'000 + 360'000);
  const auto stay = node.service.create(login(3, "web", true));
  CHECK(values[keyOf((*stay)->sessionId)].maxIdleMillis == 604'800'000 + 360'000);
  Session transient = login(3, "web", true);
  transient.transient = true;
  const auto brief = node.service.create(transient);
  CHECK(values.count(keyOf((*brief)->sessionId)) == 0);
  CHECK(node.service.figures().storedLate == 0);
}

TEST_CASE("another node takes the session over, and the former holder drops its copy") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  bool took = false;
  const auto found = two.service.find(s->sessionId, &took);
  REQUIRE(found.ok());
  CHECK(took);
  CHECK((*found)->secret == s->secret);
  CHECK((*found)->password == "secret");
  CHECK(one.service.counts().active == 0);
  CHECK(one.service.figures().dropped == 1);
  CHECK(two.service.find(s->sessionId, &took).ok());
  CHECK_FALSE(took);
  CHECK(two.service.counts().takenOver == 1);
  CHECK(two.records->counters().lookups == 1);
  CHECK(one.service.find(s->sessionId, &took).ok());  // and back
  CHECK(took);
  CHECK(two.service.counts().active == 0);
}

TEST_CASE("unknown, malformed and undecodable sessions are SES-0203") {
  SessionCluster c;
  Node node(c, "1");
  const std::string id(32, 'a');
  CHECK(codeOf(node.service.find(id, nullptr)) == Code::kSesExpired);
  CHECK(codeOf(node.service.find("../../etc", nullptr)) == Code::kSesExpired);
  CHECK(node.records->counters().lookups == 1);
  c.maps.sessions->values[keyOf(id)] = {serialization::toData("rubbish")};
  CHECK(codeOf(node.service.find(id, nullptr)) == Code::kSesExpired);
  CHECK(node.records->counters().undecodable == 1);

  Node foreign(c, "2", {}, "another key");
  const auto s = *foreign.service.create(login());
  CHECK(codeOf(node.service.find(s->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(node.records->counters().undecodable == 2);
}

TEST_CASE("a storage that does not answer is never an expired session") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  c.maps.sessions->failures = kLookupTries;
  CHECK(codeOf(two.service.find(s->sessionId, nullptr)) == Code::kUnavailable);
  CHECK(two.service.figures().storageDown);
  c.maps.sessions->failures = kLookupTries - 1;  // a retry is enough
  CHECK(two.service.find(s->sessionId, nullptr).ok());
  CHECK_FALSE(two.service.figures().storageDown);
  CHECK(two.service.figures().lookupFailures == 1);
}

TEST_CASE("limits: node; user, guest, link and client across the cluster") {
  SessionCluster c;
  SessiondSettings s;
  s.maxSession = 6;
  s.maxSessionPerUser = 2;
  s.maxSessionPerGuest = 1;
  s.maxSessionPerLink = 1;
  s.maxSessionPerClient = 1;
  Node node(c, "1", s), other(c, "2", s);
  CHECK(node.service.create(login(1, "web")).ok());
  CHECK(other.service.create(login(1, "web")).error().name() == "SES-0207");
  CHECK(other.service.create(login(1, "mobile")).ok());
  CHECK(node.service.create(login(1, "other")).error().name() == "SES-0007");
  Session guest = login(5);
  guest.kind = services::SessionKind::kGuest;
  CHECK(node.service.create(guest).ok());
  guest.client = "mobile";
  CHECK(other.service.create(guest).error().name() == "SES-0007");
  Session link = login(6);
  link.kind = services::SessionKind::kLink;
  CHECK(node.service.create(link).ok());
  link.client = "mobile";
  CHECK(node.service.create(link).error().name() == "SES-0007");
  CHECK(node.service.create(login(2)).ok());
  CHECK(node.service.create(login(3)).ok());
  CHECK(node.service.create(login(4)).ok());
  CHECK(node.service.create(login(7)).error().name() == "SES-0002");
  CHECK(other.service.create(login(7)).ok());
}

TEST_CASE("a logout acts on every node, with record and attributes, and leaves its mark") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  REQUIRE(one.service.set(s->sessionId, {"a", "1", {}}).ok());
  CHECK(two.service.remove(s->sessionId).ok());
  CHECK(c.maps.sessions->values.empty());
  CHECK(c.maps.attributes->values.empty());
  CHECK(c.maps.endings->values.size() == 1);
  CHECK(one.service.counts().active == 0);
  CHECK(codeOf(one.service.find(s->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(codeOf(two.service.find(s->sessionId, nullptr)) == Code::kSesExpired);
}

TEST_CASE("a record that comes back after its logout is never answered, and goes") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  const auto record = c.maps.sessions->values[keyOf(s->sessionId)];
  c.wire.deaf.insert("2");
  REQUIRE(two.service.find(s->sessionId, nullptr).ok());  // moves to 2, which then hears nothing
  CHECK(one.service.remove(s->sessionId).ok());
  CHECK(one.service.figures().untold == 1);
  CHECK(two.service.counts().active == 1);
  c.maps.sessions->values[keyOf(s->sessionId)] = record;  // as a healed split may bring it back
  CHECK(codeOf(one.service.find(s->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(c.maps.sessions->values.empty());
  CHECK(one.records->counters().refusedEnded == 1);
  SUBCASE("the mark is heard") {
    services::EntryEvent event;
    event.type = services::EntryEventType::kMerged;
    event.value = c.maps.endings->values.begin()->second.value;
    two.records->endingHeard(event);
  }
  SUBCASE("or found after a gap") {
    two.records->endingHeard({});
    two.service.tick();
  }
  CHECK(two.service.counts().active == 0);
  CHECK(codeOf(two.service.find(s->sessionId, nullptr)) == Code::kSesExpired);
}

TEST_CASE("closing by user and context: everywhere, except one session, not the next login") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  two.clock.advance(-5'000);  // its clock is behind
  const auto a = *one.service.create(login(3));
  const auto b = *two.service.create(login(3));
  const auto other = *two.service.create(login(4));
  CloseRequest request;
  request.users.push_back({1, 3});
  request.except = b->sessionId;
  CHECK(*one.service.close(request) == 1);
  CHECK(codeOf(two.service.find(a->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(two.service.find(b->sessionId, nullptr).ok());
  // A login on the node whose clock is behind is younger than the closing all the same.
  const auto again = *two.service.create(login(3));
  CHECK(one.service.find(again->sessionId, nullptr).ok());
  CHECK(one.service.sessionsOf(1, 3)->size() == 2);
  CHECK(one.service.sessionsOf(1, std::nullopt)->size() == 3);
  CloseRequest context;
  context.contextIds.push_back(1);
  CHECK(*two.service.close(context) == 3);
  CHECK(codeOf(one.service.find(other->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(one.service.counts().active + two.service.counts().active == 0);
}

TEST_CASE("closing what one node holds leaves the others") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto a = *one.service.create(login(3));
  const auto b = *two.service.create(login(3));
  CloseRequest request;
  request.contextIds.push_back(1);
  request.global = false;
  CHECK(*one.service.close(request) == 1);
  CHECK(codeOf(two.service.find(a->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(two.service.find(b->sessionId, nullptr).ok());
  CloseRequest byId;
  byId.sessionIds = {b->sessionId, "no id"};
  byId.global = false;
  CHECK(*one.service.close(byId) == 0);
  byId.global = true;
  CHECK(*one.service.close(byId) == 1);
}

TEST_CASE("a change is seen on the next request of every node") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  const auto changed =
      two.service.update(s->sessionId, [](Session& x) { x.localIp = "10.0.0.9"; });
  REQUIRE(changed.ok());
  CHECK(one.service.counts().active == 0);
  CHECK((*one.service.find(s->sessionId, nullptr))->localIp == "10.0.0.9");
  REQUIRE(one.service.update(s->sessionId, [](Session& x) { x.secret = "new"; }).ok());
  CHECK((*one.service.find(s->sessionId, nullptr))->secret == "new");
  CHECK((*two.service.find(s->sessionId, nullptr))->localIp == "10.0.0.9");
  CHECK(codeOf(one.service.update(std::string(32, 'f'), [](Session&) {})) == Code::kSesExpired);
}

TEST_CASE("a look-up that word of a change or an ending overtakes asks again") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  c.maps.endings->holdAnswers(true);
  Result<SessionPtr> found = Error(Code::kInternal);
  std::thread asking([&] { found = two.service.find(s->sessionId, nullptr); });
  while (c.maps.endings->held() == 0) std::this_thread::yield();
  SUBCASE("changed") {
    c.maps.endings->holdAnswers(false);
    REQUIRE(one.service.update(s->sessionId, [](Session& x) { x.hash = "h2"; }).ok());
    c.maps.endings->answerAll();
    asking.join();
    REQUIRE(found.ok());
    CHECK((*found)->hash == "h2");  // somebody who asked after the change may wait for the same answer
    CHECK((*two.service.find(s->sessionId, nullptr))->hash == "h2");
  }
  SUBCASE("ended") {
    services::SessionNotice notice;
    notice.kind = services::SessionNotice::Kind::kEnded;
    notice.ending.sessionId = s->sessionId;
    one.records->notify(notice, [](const auto&) {});
    c.maps.endings->holdAnswers(false);
    c.maps.endings->answerAll();
    asking.join();
    CHECK(codeOf(found) == Code::kSesExpired);
    CHECK(two.service.counts().active == 0);
  }
}

TEST_CASE("look-ups of one id at the same time ask the storage once") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  c.maps.endings->holdAnswers(true);
  std::atomic<int> answered{0}, tookOver{0};
  std::vector<std::thread> many;
  for (int i = 0; i < 8; ++i)
    many.emplace_back([&] {
      bool took = false;
      if (two.service.find(s->sessionId, &took).ok()) ++answered;
      tookOver += took ? 1 : 0;
    });
  while (two.service.figures().lookupsMerged < 7) std::this_thread::yield();
  c.maps.endings->holdAnswers(false);
  c.maps.endings->answerAll();
  for (auto& t : many) t.join();
  CHECK(answered == 8);
  CHECK(tookOver == 8);
  CHECK(two.records->counters().lookups == 1);
  CHECK(two.service.counts().takenOver == 1);
}

TEST_CASE("storage down: sessions of the node go on, new ones are stored when it is back") {
  SessionCluster c;
  SessiondSettings s;
  s.storeWaitMillis = 50;
  Node node(c, "1", s);
  const auto before = *node.service.create(login());
  static std::atomic<int> warned, back;
  warned = back = 0;
  auto former = log::setObserver([](log::Level level, std::string_view text) {
    if (level == log::Level::kWarn && text.find("storage does not answer") != text.npos) ++warned;
    if (text.find("storage answers again") != text.npos) ++back;
  });
  c.maps.sessions->failures = -1;
  const auto during = node.service.create(login(4));
  REQUIRE(during.ok());
  CHECK(node.service.figures().storedLate == 1);
  CHECK(node.service.figures().storageDown);
  CHECK(node.service.find(before->sessionId, nullptr).ok());
  CHECK(node.service.find((*during)->sessionId, nullptr).ok());
  CHECK(node.service.update((*during)->sessionId, [](Session& x) { x.hash = "h"; }).ok());
  CHECK(node.service.remove(before->sessionId).error().retryable);
  CHECK(codeOf(node.service.find(before->sessionId, nullptr)) == Code::kUnavailable);
  for (int i = 0; i < 5; ++i) {
    node.clock.advance(1'000);
    node.service.tick();
  }
  CHECK(node.service.figures().storeRetries >= 2);
  CHECK(node.service.figures().pendingEndings == 1);
  c.maps.sessions->failures = 0;
  node.clock.advance(kRetryMostMillis);
  node.service.tick();
  CHECK_FALSE(node.service.figures().storageDown);
  CHECK(node.service.figures().pendingStores == 0);
  CHECK(node.service.figures().pendingEndings == 0);
  CHECK(c.maps.sessions->values.size() == 1);
  CHECK(warned == 1);  // however many operations failed
  CHECK(back == 1);
  log::setObserver(std::move(former));
  Node two(c, "2");
  CHECK((*two.service.find((*during)->sessionId, nullptr))->hash == "h");
  CHECK(codeOf(two.service.find(before->sessionId, nullptr)) == Code::kSesExpired);
}

TEST_CASE("a store that was applied but not answered does not keep an older state") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  c.maps.sessions->failures = 2;
  const auto s = *one.service.create(login());
  two.records->store(s, true, [](const auto&) {});  // the attempt that nobody answered
  REQUIRE(one.service.update(s->sessionId, [](Session& x) { x.hash = "newer"; }).ok());
  one.clock.advance(kRetryMostMillis);
  one.service.tick();
  CHECK(one.service.figures().pendingStores == 0);
  CHECK((*two.service.find(s->sessionId, nullptr))->hash == "newer");
}

TEST_CASE("what waits to be stored is stored by a stop") {
  SessionCluster c;
  Node node(c, "1");
  c.maps.sessions->failures = 2;
  REQUIRE(node.service.create(login()).ok());
  CHECK(c.maps.sessions->values.empty());
  node.clock.advance(kRetryMostMillis);
  node.service.stop();
  CHECK(c.maps.sessions->values.size() == 1);
}

TEST_CASE("a used session tells the storage once per slot, an unused one does not") {
  SessionCluster c;
  Node node(c, "1");
  const auto s = *node.service.create(login());
  const auto& value = c.maps.sessions->values[keyOf(s->sessionId)];
  CHECK(node.service.find(s->sessionId, nullptr).ok());
  CHECK(value.touches == 0);
  node.clock.advance(kShortSlotMillis);
  node.service.tick();
  CHECK(value.touches == 0);
  CHECK(node.service.find(s->sessionId, nullptr).ok());
  CHECK(node.service.find(s->sessionId, nullptr).ok());
  CHECK(value.touches == 1);
  node.clock.advance(3'700'000);
  node.service.tick();
  CHECK(node.service.counts().active == 0);
  CHECK(node.service.figures().timedOut == 1);
  CHECK(c.maps.sessions->values.size() == 1);  // idles out there
}

TEST_CASE("a used session that the grid has lost is stored again, an ended one is not") {
  SessionCluster c;
  Node node(c, "1");
  const auto s = *node.service.create(login());
  c.maps.sessions->values.clear();
  node.clock.advance(kShortSlotMillis);
  node.service.tick();
  CHECK(node.service.find(s->sessionId, nullptr).ok());
  CHECK(c.maps.sessions->values.size() == 1);
  CHECK(node.service.figures().restored == 1);
}

TEST_CASE("timed out sessions leave the storage when the key says so and nobody holds them") {
  SessionCluster c;
  SessiondSettings s;
  s.removeFromStorageOnTimeout = true;
  Node one(c, "1", s), two(c, "2");
  const auto a = *one.service.create(login());
  const auto b = *one.service.create(login(4));
  c.wire.deaf.insert("1");
  REQUIRE(two.service.find(b->sessionId, nullptr).ok());  // 1 does not hear that it moved
  c.wire.deaf.clear();
  one.clock.advance(3'700'000);
  one.service.tick();
  CHECK(one.service.counts().active == 0);
  CHECK(c.maps.sessions->values.count(keyOf(a->sessionId)) == 0);
  CHECK(c.maps.sessions->values.count(keyOf(b->sessionId)) == 1);
}

TEST_CASE("after halves have united a node takes the newest state of its sessions") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  c.wire.deaf = {"1", "2"};
  REQUIRE(two.service.find(s->sessionId, nullptr).ok());
  REQUIRE(two.service.update(s->sessionId, [](Session& x) { x.localIp = "10.1.1.1"; }).ok());
  CHECK((*one.service.find(s->sessionId, nullptr))->localIp.empty());  // the cut hides the change
  c.wire.deaf.clear();
  CHECK(one.records->membersAre({"1"}));
  one.service.tick();
  CHECK_FALSE(one.records->membersAre({"1"}));
  CHECK(one.records->membersAre({"1", "2"}));
  one.service.tick();
  CHECK((*one.service.find(s->sessionId, nullptr))->localIp == "10.1.1.1");
}

TEST_CASE("what the other half stored again does not undo a change that it did not know") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  const auto before = c.maps.sessions->values;
  REQUIRE(one.service.update(s->sessionId, [](Session& x) { x.hash = "new"; }).ok());
  c.maps.sessions->values = before;  // the merge keeps the record that was written last
  CHECK(one.records->membersAre({"1"}));
  one.service.tick();
  CHECK(one.records->membersAre({"1", "2"}));
  one.service.tick();
  CHECK((*one.service.find(s->sessionId, nullptr))->hash == "new");
  CHECK((*two.service.find(s->sessionId, nullptr))->hash == "new");
}

TEST_CASE("an abandoned session leaves node and storage, unless another node holds it; without a mark") {
  SessionCluster cluster;
  SessionCluster::Node one(cluster, "one"), two(cluster, "two");
  const auto alone = one.service.create(login());
  const auto used = one.service.create(login());
  REQUIRE((alone.ok() && used.ok()));
  CHECK(two.service.find((*used)->sessionId, nullptr).ok());
  const auto copy = cluster.maps.sessions->values;
  one.service.abandon((*alone)->sessionId);
  one.service.abandon((*used)->sessionId);
  CHECK(one.service.counts().active == 0);
  CHECK(cluster.maps.sessions->values.size() == 1);
  CHECK(two.service.find((*used)->sessionId, nullptr).ok());
  CHECK(one.service.find((*alone)->sessionId, nullptr).error().code == Code::kSesExpired);
  // The other half of a split has kept the record, and brings it along.
  cluster.maps.sessions->values = copy;
  CHECK(two.service.find((*alone)->sessionId, nullptr).ok());
}

TEST_CASE("by alternative id: here and from the storage") {
  SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service.create(login());
  CHECK((*one.service.findByAltId(s->altId))->sessionId == s->sessionId);
  CHECK((*two.service.findByAltId(s->altId))->sessionId == s->sessionId);
  CHECK(codeOf(two.service.findByAltId(std::string(32, '0'))) == Code::kSesExpired);
  REQUIRE(one.service.remove(s->sessionId).ok());
  CHECK(codeOf(two.service.findByAltId(s->altId)) == Code::kSesExpired);
}

TEST_CASE("without a storage sessions live here only") {
  test::ManualClock clock;
  SessiondService service({}, clock, nullptr);
  const auto s = service.create(login());
  REQUIRE(s.ok());
  CHECK(service.find((*s)->sessionId, nullptr).ok());
  CHECK(service.find(std::string(32, 'd'), nullptr).error().code == Code::kSesExpired);
  CHECK(service.get((*s)->sessionId, "a").error().code == Code::kUnavailable);
  CHECK(service.sessionsOf(1, 3)->size() == 1);
  CHECK(service.update((*s)->sessionId, [](Session& x) { x.hash = "h"; }).ok());
  CHECK(service.remove((*s)->sessionId).ok());
  CHECK(service.counts().active == 0);
}
