// Sessions over two real grids: parallel writers of attributes, take-over, logout heard by the other.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "../hazelcast/engine_fixture.h"
#include "attribute_record.h"
#include "grid_link.h"
#include "service.h"

using namespace ox;
using namespace ox::sessiond;
using namespace ox::sessionstorage;
using grid::test::eventually;
using services::Session;

namespace {

// What the bundles put together, on one grid.
struct Node {
  explicit Node(services::Grid& engine) : grid(&engine, [](services::Grid*) {}) {
    REQUIRE(grid->registerProcessor(kAttributeProcessor, runAttributeCommand).ok());
    auto executor = *grid->executor();
    const SessionRecords::Maps maps{grid->map(kSessionsMap), grid->map(kAttributesMap),
                                    grid->map(kEndingsMap)};
    records = std::make_shared<SessionRecords>(maps, std::make_shared<ExecutorWire>(grid, executor),
                                               StorageSettings(), "key", systemClock());
    link = std::make_unique<GridLink>(grid, maps.endings, records);
    service = std::make_unique<SessiondService>(SessiondSettings(), systemClock(), records);
    REQUIRE(link->start(*executor).ok());
  }
  ~Node() {
    service->stop();
    link->stop();
  }
  std::shared_ptr<services::Grid> grid;
  std::shared_ptr<SessionRecords> records;
  std::unique_ptr<GridLink> link;
  std::unique_ptr<SessiondService> service;
};

Session login() {
  Session s;
  s.loginName = "anton";
  s.contextId = 1;
  s.userId = 3;
  s.client = "web";
  return s;
}

}  // namespace

TEST_CASE("100 writers of one session on two members leave all their attributes") {
  grid::test::Cluster c(2);
  REQUIRE(eventually([&] { return c.whole(); }));
  Node one(c[0]), two(c[1]);
  const auto session = one.service->create(login());
  REQUIRE(session.ok());
  const std::string id = (*session)->sessionId;
  constexpr int kWriters = 100;
  constexpr int kThreads = 10;  // writers take turns on them
  std::atomic<int> next{0}, failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = next++; i < kWriters; i = next++) {
        auto& node = (i + t) % 2 == 0 ? one : two;
        // each writes its own attribute three times, and one that all write
        for (int round = 0; round < 3; ++round)
          if (!node.service->set(id, {"own" + std::to_string(i), std::to_string(round), {}}).ok())
            ++failed;
        if (!node.service->set(id, {"shared", std::to_string(i), {}}).ok()) ++failed;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(failed == 0);
  for (Node* node : {&one, &two}) {
    const auto all = node->service->all(id);
    REQUIRE(all.ok());
    CHECK(all->size() == kWriters + 1);
    for (const auto& a : *all)
      if (a.name != "shared") CHECK(a.value == "2");
  }
  // and across the crash of one member
  two.service->stop();
  two.link->stop();
  c.nodes[1]->engine->abandon();
  REQUIRE(eventually([&] { return c[0].state().members.size() == 1; }));
  CHECK(one.service->all(id)->size() == kWriters + 1);
}

TEST_CASE("take-over, change and logout between two members") {
  grid::test::Cluster c(2);
  REQUIRE(eventually([&] { return c.whole(); }));
  Node one(c[0]), two(c[1]);
  const auto session = one.service->create(login());
  REQUIRE(session.ok());
  const std::string id = (*session)->sessionId;
  bool took = false;
  REQUIRE(two.service->find(id, &took).ok());
  CHECK(took);
  CHECK(one.service->counts().active == 0);
  REQUIRE(one.service->update(id, [](Session& s) { s.localIp = "10.0.0.1"; }).ok());
  CHECK((*two.service->find(id, nullptr))->localIp == "10.0.0.1");
  CHECK((*one.service->findByAltId((*session)->altId))->sessionId == id);
  CHECK(one.service->sessionsOf(1, 3)->size() == 1);
  REQUIRE(two.service->remove(id).ok());
  CHECK(one.service->counts().active == 0);
  CHECK(one.service->find(id, nullptr).error().code == Code::kSesExpired);
  services::CloseRequest close;
  REQUIRE(one.service->create(login()).ok());
  REQUIRE(two.service->create(login()).ok());
  close.users.push_back({1, 3});
  CHECK(*one.service->close(close) == 2);
  CHECK(two.service->counts().active == 0);
  const auto again = two.service->create(login());
  REQUIRE(again.ok());
  CHECK(one.service->find((*again)->sessionId, nullptr).ok());
}
