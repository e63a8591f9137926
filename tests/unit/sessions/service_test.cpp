// SessiondService and the storage on a map in memory: limits, take-over, failures.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "fake_grid.h"
#include "portable_session.h"
#include "serialization/data.h"
#include "service.h"
#include "storage.h"

using namespace ox;
using namespace ox::sessiond;
using sessionstorage::HazelcastSessionStorage;
using services::Session;
using services::SessionPtr;
using test::FakeMap;
using test::ManualClock;

namespace {

struct Node {
  explicit Node(std::shared_ptr<FakeMap> m, SessiondSettings s = {}, const char* key = "key")
      : map(std::move(m)),
        storage(std::make_shared<HazelcastSessionStorage>(map, sessionstorage::StorageSettings(),
                                                          key)),
        service(s, clock, storage) {}
  ManualClock clock;
  std::shared_ptr<FakeMap> map;
  std::shared_ptr<HazelcastSessionStorage> storage;
  SessiondService service;
};

std::shared_ptr<FakeMap> newMap() { return std::make_shared<FakeMap>("sessions-7"); }

Session login(std::int32_t user = 3, const std::string& client = "web", bool stay = false) {
  Session s;
  s.loginName = "anton";
  s.password = "secret";
  s.contextId = 1;
  s.userId = user;
  s.client = client;
  s.staySignedIn = stay;
  return s;
}

}  // namespace

TEST_CASE("a created session is in the map before create returns, with its idle time") {
  auto map = newMap();
  Node node(map);
  const auto s = node.service.create(login());
  REQUIRE(s.ok());
  CHECK(validSessionId((*s)->sessionId));
  CHECK(validSessionId((*s)->secret));
  CHECK((*s)->secret != (*s)->sessionId);
  const auto key = serialization::toData((*s)->sessionId);
  REQUIRE(map->values.count(key) == 1);
  CHECK(map->values[key].maxIdleMillis == 3'600'000);
  const auto stay = node.service.create(login(3, "web", true));
  CHECK(map->values[serialization::toData((*stay)->sessionId)].maxIdleMillis == 604'800'000);
  CHECK(node.service.figures().storedLate == 0);
}

TEST_CASE("another node takes the session over, password included, and only asks once") {
  auto map = newMap();
  Node one(map), two(map);
  const auto s = *one.service.create(login());
  bool took = false;
  const auto found = two.service.find(s->sessionId, &took);
  REQUIRE(found.ok());
  CHECK(took);
  CHECK((*found)->secret == s->secret);
  CHECK((*found)->password == "secret");
  CHECK(two.service.find(s->sessionId, &took).ok());
  CHECK_FALSE(took);
  CHECK(two.service.counts().takenOver == 1);
  CHECK(two.storage->counters().lookups == 1);
}

TEST_CASE("unknown, malformed and undecodable sessions are SES-0203") {
  auto map = newMap();
  Node node(map);
  const std::string id(32, 'a');
  CHECK(node.service.find(id, nullptr).error().code == Code::kSesExpired);
  CHECK(node.service.find("../../etc", nullptr).error().code == Code::kSesExpired);
  CHECK(node.storage->counters().lookups == 1);
  map->values[serialization::toData(id)] = {serialization::toData("rubbish"), -1};
  CHECK(node.service.find(id, nullptr).error().code == Code::kSesExpired);
  CHECK(node.storage->counters().undecodable == 1);

  Node foreign(map, {}, "another key");
  const auto s = *foreign.service.create(login());
  CHECK(node.service.find(s->sessionId, nullptr).error().code == Code::kSesExpired);
  CHECK(node.storage->counters().undecodable == 2);
}

TEST_CASE("a storage that does not answer is never an expired session") {
  auto map = newMap();
  Node one(map), two(map);
  const auto s = *one.service.create(login());
  map->failures = kLookupTries;
  const auto failed = two.service.find(s->sessionId, nullptr);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == Code::kUnavailable);
  map->failures = kLookupTries - 1;  // a retry is enough
  CHECK(two.service.find(s->sessionId, nullptr).ok());
  CHECK(two.service.figures().lookupFailures == 1);
}

TEST_CASE("limits: node, user, client") {
  SessiondSettings s;
  s.maxSession = 4;
  s.maxSessionPerUser = 2;
  s.maxSessionPerClient = 1;
  Node node(newMap(), s);
  CHECK(node.service.create(login(1, "web")).ok());
  CHECK(node.service.create(login(1, "web")).error().name() == "SES-0207");
  CHECK(node.service.create(login(1, "mobile")).ok());
  CHECK(node.service.create(login(1, "other")).error().name() == "SES-0007");
  CHECK(node.service.create(login(2)).ok());
  CHECK(node.service.create(login(3)).ok());
  CHECK(node.service.create(login(4)).error().name() == "SES-0002");
}

TEST_CASE("remove ends the session here and in the map") {
  auto map = newMap();
  Node node(map);
  const auto s = *node.service.create(login());
  CHECK(node.service.remove(s->sessionId).ok());
  CHECK(map->values.empty());
  CHECK(node.service.find(s->sessionId, nullptr).error().code == Code::kSesExpired);
  CHECK(node.service.counts().active == 0);
}

TEST_CASE("a login goes on while the storage fails, and the session is stored later") {
  auto map = newMap();
  SessiondSettings s;
  s.storeWaitMillis = 0;
  Node node(map, s);
  map->failures = 3;
  const auto created = node.service.create(login());
  REQUIRE(created.ok());
  // The queue's threads look at the clock when it moves on.
  while (node.service.figures().store.stored == 0) {
    node.clock.advance(kRetryFirstMillis);
    std::this_thread::yield();
  }
  CHECK(node.service.figures().store.retries == 3);
  CHECK(map->values.size() == 1);
}

TEST_CASE("what waits to be stored is stored by a stop") {
  auto map = newMap();
  SessiondSettings s;
  s.storeWaitMillis = 0;
  Node node(map, s);
  map->failures = 1;
  REQUIRE(node.service.create(login()).ok());
  while (node.service.figures().store.retries == 0) std::this_thread::yield();
  node.service.stop();
  CHECK(map->values.size() == 1);
}

TEST_CASE("active sessions keep their entries awake; timed out ones are left to idle out") {
  auto map = newMap();
  Node node(map);
  REQUIRE(node.service.create(login()).ok());
  node.service.tick();
  CHECK(map->touches == 0);
  node.clock.advance(3'600'000 / kTouchesPerLifeTime);
  node.service.tick();
  CHECK(map->touches == 1);
  node.service.tick();
  CHECK(map->touches == 1);
  node.clock.advance(3'600'000);
  node.service.tick();
  CHECK(node.service.counts().active == 0);
  CHECK(node.service.figures().timedOut == 1);
  CHECK(map->values.size() == 1);
}

TEST_CASE("timed out sessions leave the storage when the key says so") {
  auto map = newMap();
  SessiondSettings s;
  s.removeFromStorageOnTimeout = true;
  Node node(map, s);
  REQUIRE(node.service.create(login()).ok());
  node.clock.advance(3'700'000);
  node.service.tick();
  CHECK(map->values.empty());
}

namespace {
// A storage whose look-ups wait until the test lets them go.
class SlowStorage final : public services::SessionStorage {
 public:
  Status store(const Session&) override { return {}; }
  Result<SessionPtr> lookup(const std::string& id) override {
    ++lookups;
    while (!open) std::this_thread::yield();
    auto s = std::make_shared<Session>();
    s->sessionId = id;
    return SessionPtr(s);
  }
  Result<bool> remove(const std::string&) override { return true; }
  void touch(const std::string&) override {}
  std::atomic<int> lookups{0};
  std::atomic<bool> open{false};
};
}  // namespace

TEST_CASE("concurrent look-ups of one id are one; a logout meanwhile wins") {
  ManualClock clock;
  auto storage = std::make_shared<SlowStorage>();
  SessiondService service({}, clock, storage);
  const std::string id(32, 'b');
  std::atomic<int> found{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { found += service.find(id, nullptr).ok() ? 1 : 0; });
  while (storage->lookups == 0) std::this_thread::yield();
  storage->open = true;
  for (auto& t : threads) t.join();
  CHECK(found == 8);
  CHECK(storage->lookups == 1);
  CHECK(service.counts().takenOver == 1);

  storage->open = false;
  const std::string other(32, 'c');
  bool ok = true;
  std::thread late([&] { ok = service.find(other, nullptr).ok(); });
  while (storage->lookups == 1) std::this_thread::yield();
  CHECK(service.remove(other).ok());
  storage->open = true;
  late.join();
  CHECK_FALSE(ok);
}

TEST_CASE("without a storage sessions live here only") {
  ManualClock clock;
  SessiondService service({}, clock, nullptr);
  const auto s = service.create(login());
  REQUIRE(s.ok());
  CHECK(service.find((*s)->sessionId, nullptr).ok());
  CHECK(service.find(std::string(32, 'd'), nullptr).error().code == Code::kSesExpired);
  CHECK(service.remove((*s)->sessionId).ok());
}
