// Transient sessions: on their node, in no storage, closed as any other.
#include <doctest/doctest.h>

#include "fake_cluster.h"

using namespace ox;
using namespace ox::sessiond;
using services::CloseRequest;
using services::Session;
using services::SessionPtr;
using test::login;
using test::SessionCluster;
using Node = SessionCluster::Node;

namespace {
Code codeOf(const Result<SessionPtr>& r) { return r.ok() ? Code::kInternal : r.error().code; }
}  // namespace

TEST_CASE("a transient session is on its node only, is closed from any, and ends with its short life") {
  SessionCluster c;
  SessiondSettings settings;
  settings.removeFromStorageOnTimeout = true;
  Node one(c, "1", settings), two(c, "2");
  Session brief = login(3, "web", true);
  brief.transient = true;
  const auto s = *one.service.create(brief);
  const auto closed = *one.service.create(brief);
  CHECK(codeOf(two.service.find(s->sessionId, nullptr)) == Code::kSesExpired);
  CHECK(one.service.find(s->sessionId, nullptr).ok());
  REQUIRE(one.service.update(s->sessionId, [](Session& x) { x.localIp = "10.1.1.1"; }).ok());
  CHECK((*one.service.find(s->sessionId, nullptr))->localIp == "10.1.1.1");
  CHECK(one.service.set(s->sessionId, {"a", "1", {}}).error().code == Code::kInvalid);

  CloseRequest byId;
  byId.sessionIds = {closed->sessionId};
  REQUIRE(two.service.close(byId).ok());
  CHECK(codeOf(one.service.find(closed->sessionId, nullptr)) == Code::kSesExpired);
  // Looked after as any copy, never stored again.
  one.records->merged();
  one.service.tick();
  CHECK(one.service.find(s->sessionId, nullptr).ok());
  CHECK(one.service.figures().restored == 0);
  one.clock.advance(360'001);
  CHECK(one.service.find(s->sessionId, nullptr).ok());  // another slot: a stored one would be touched
  CHECK(one.records->counters().touched == 0);
  CHECK(one.service.figures().pendingStores == 0);
  CHECK(c.maps.sessions->values.empty());
  for (int i = 0; i < 11; ++i) {
    one.clock.advance(360'000);
    one.service.tick();
  }
  CHECK(one.service.counts().active == 0);
  CHECK(one.service.counts().longTerm == 0);
  CHECK(one.service.counts().transient == 0);
  CHECK(c.maps.attributes->values.empty());
}
