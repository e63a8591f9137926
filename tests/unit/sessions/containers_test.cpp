// Slots, rotation, life times: pure logic with an invented clock.
#include <doctest/doctest.h>

#include "base/random.h"
#include "containers.h"

using namespace ox;
using namespace ox::sessiond;
using services::Session;
using services::SessionPtr;

namespace {
SessionPtr session(const std::string& id, bool stay = false, std::int32_t user = 1,
                   const std::string& client = "c") {
  auto s = std::make_shared<Session>();
  s->sessionId = id;
  s->contextId = 7;
  s->userId = user;
  s->client = client;
  s->staySignedIn = stay;
  return s;
}
const LifeTimes kDefaults = LifeTimes::bounded(3'600'000, 604'800'000);
}  // namespace

TEST_CASE("slot counts and lower bounds are those of the original") {
  CHECK(kDefaults.shortSlots() == 10);
  CHECK(kDefaults.longSlots() == 167);
  const LifeTimes low = LifeTimes::bounded(1, 1);
  CHECK(low.defaultMillis == kShortSlotMillis);
  CHECK(low.longMillis == kLongSlotMillis);
  CHECK(low.shortSlots() == 1);
  CHECK(low.longSlots() == 1);
  CHECK(LifeTimes::bounded(7'200'000, 1).longMillis == 7'200'000);
}

TEST_CASE("an unused session lives its default life time, then it is gone") {
  SessionContainers c(kDefaults, 0);
  c.put(session("a"));
  CHECK(c.rotate(3'599'999).empty());
  CHECK(c.peek("a"));
  const auto gone = c.rotate(3'600'000);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0]->sessionId == "a");
  CHECK_FALSE(c.peek("a"));
  CHECK(c.count(7, 1).stored == 0);
}

TEST_CASE("use moves to the first slot and stamps the time") {
  SessionContainers c(kDefaults, 0);
  c.put(session("a"));
  c.rotate(54 * 60'000);
  CHECK(c.use("a", 99)->localLastActive == 99);
  CHECK(c.shortSlotSizes().front() == 1);
  CHECK(c.rotate(113 * 60'000).empty());
  CHECK(c.rotate(114 * 60'000).size() == 1);
  CHECK(c.use("nobody", 1) == nullptr);
}

TEST_CASE("who stays signed in goes to the long-term slots and comes back on use") {
  SessionContainers c(kDefaults, 0);
  c.put(session("a", true));
  CHECK(c.rotate(3'600'000).empty());
  CHECK(c.shortTerm() == 0);
  CHECK(c.longTerm() == 1);
  CHECK(c.use("a", 5));
  CHECK(c.longTerm() == 0);
  CHECK(c.rotate(7'200'000).empty());
  CHECK(c.longTerm() == 1);
  // 167 long slots after it left the short ones
  CHECK(c.rotate(7'200'000 + 166 * kLongSlotMillis).empty());
  CHECK(c.rotate(7'200'000 + 167 * kLongSlotMillis).size() == 1);
  CHECK(c.size() == 0);
}

TEST_CASE("a long pause ends what its time has ended, in one call") {
  SessionContainers c(kDefaults, 0);
  c.put(session("a"));
  c.put(session("b", true));
  const auto gone = c.rotate(1000LL * 24 * 3'600'000);
  CHECK(gone.size() == 1);  // b has its long-term time from now on
  CHECK(c.longTerm() == 1);
  CHECK(c.rotate(0).empty());  // a clock that goes back rotates nothing
}

TEST_CASE("counts per user and client follow put, replace and remove") {
  SessionContainers c(kDefaults, 0);
  c.put(session("a", false, 1, "web"));
  c.put(session("b", false, 1, "mobile"));
  c.put(session("c", false, 2, "web"));
  CHECK(c.count(7, 1).stored == 2);
  const std::string web = "web";
  CHECK(c.count(7, 1, &web).stored == 1);
  CHECK(c.count(8, 1).stored == 0);
  c.put(session("a", false, 2, "web"));
  CHECK(c.count(7, 1).stored == 1);
  CHECK(c.count(7, 2, &web).stored == 2);
  CHECK(c.remove("a"));
  CHECK_FALSE(c.remove("a"));
  CHECK(c.size() == 2);
}

TEST_CASE("random walks: every session is in exactly one slot") {
  SeededRandom random(11);
  for (int round = 0; round < 20; ++round) {
    SessionContainers c(LifeTimes::bounded(18 * 60'000, 5 * kLongSlotMillis), 0);
    std::int64_t now = 0;
    for (int step = 0; step < 500; ++step) {
      const std::string id = "s" + std::to_string(random.below(40));
      switch (random.below(4)) {
        case 0: c.put(session(id, random.chance(1, 2))); break;
        case 1: c.use(id, now); break;
        case 2: c.remove(id); break;
        default: c.rotate(now += static_cast<std::int64_t>(random.below(20 * 60'000)));
      }
      std::size_t inSlots = 0;
      for (const auto n : c.shortSlotSizes()) inSlots += n;
      for (const auto n : c.longSlotSizes()) inSlots += n;
      REQUIRE(inSlots == c.size());
      REQUIRE(c.count(7, 1).stored == c.size());
    }
  }
}

TEST_CASE("what is found without the lock is what use() would answer without doing anything") {
  SessionContainers c(kDefaults, 0);
  CHECK(c.usedNow("a") == nullptr);
  c.put(session("a"));
  c.put(session("b"));
  CHECK(c.usedNow("a") == c.peek("a"));
  // Another state of the session takes the place of the former one.
  c.put(session("a", true));
  CHECK(c.usedNow("a")->staySignedIn);
  auto changed = std::make_shared<Session>(*c.peek("a"));
  changed->localIp = "192.0.2.1";
  c.refresh(changed);
  CHECK(c.usedNow("a")->localIp == "192.0.2.1");
  // Next slot: the first use must move it and be told to the cluster.
  c.rotate(kShortSlotMillis);
  CHECK(c.usedNow("a") == nullptr);
  changed = std::make_shared<Session>(*c.peek("a"));
  c.refresh(changed);
  CHECK(c.usedNow("a") == nullptr);
  bool moved = false;
  c.use("a", 5, &moved);
  CHECK(moved);
  CHECK(c.usedNow("a") == c.peek("a"));
  // Gone is gone, wherever it lay.
  c.remove("a");
  CHECK(c.usedNow("a") == nullptr);
  CHECK(c.rotate(3'600'000).size() == 1);
  CHECK(c.usedNow("b") == nullptr);
}

TEST_CASE("an authentication id is known as long as a session has it") {
  const auto with = [](const std::string& id, const std::string& authId) {
    auto s = std::make_shared<Session>(*session(id));
    s->authId = authId;
    return s;
  };
  SessionContainers c(kDefaults, 0);
  c.put(with("a", "x"));
  c.put(with("a", "x"));  // replaced by itself
  CHECK(c.hasAuthId("x"));
  CHECK_FALSE(c.hasAuthId("y"));
  c.refresh(with("a", "y"));
  CHECK_FALSE(c.hasAuthId("x"));
  CHECK(c.hasAuthId("y"));
  c.put(with("b", "y"));
  c.remove("a");
  CHECK(c.hasAuthId("y"));
  c.remove("b");
  CHECK_FALSE(c.hasAuthId("y"));
}
