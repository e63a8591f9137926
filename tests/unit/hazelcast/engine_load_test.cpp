// More than a shard can take at the moment: refused, counted, and fine again afterwards.
#include <doctest/doctest.h>

#include <future>

#include "engine_fixture.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

TEST_CASE("a topic pushes back when too many bytes wait, and takes messages again") {
  auto node = startNode(configFor(freePorts(1), {}), 1);
  REQUIRE(eventually([&] { return node->engine->state().joined; }));
  const auto topic = node->engine->topic("t");
  std::atomic<int> received{0};
  const auto subscription = topic->subscribe([&](const services::TopicMessage&) { ++received; });

  // The shard is busy, so that nothing is taken meanwhile.
  std::promise<void> release;
  node->shards->at(0).post([wait = release.get_future().share()] { wait.wait(); });
  const Bytes big(kMaxValueBytes, 'x');
  CHECK(topic->publish(big).ok());
  CHECK(topic->publish(big).ok());
  const Status third = topic->publish(big);
  REQUIRE_FALSE(third.ok());
  CHECK(third.error().code == Code::kBusy);
  release.set_value();
  CHECK(eventually([&] { return received == 2; }));
  CHECK(topic->publish(big).ok());
  CHECK(eventually([&] { return received == 3; }));
}

TEST_CASE("what many threads ask of one shard is answered to each, in its own order") {
  auto node = startNode(configFor(freePorts(1), {}), 1);
  REQUIRE(eventually([&] { return node->engine->state().joined; }));
  const auto map = node->engine->map("m");
  constexpr int kThreads = 8, kEach = 500;
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < kThreads; ++t)
    callers.emplace_back([&, t] {
      const Bytes key = toData("key" + std::to_string(t));
      for (int i = 0; i < kEach; ++i) {
        // Not waited for: the read behind it must see it all the same.
        map->execute({.op = services::MapOp::kSet, .key = key, .value = toData(std::to_string(i)),
                      .expected = {}},
                     [&](Result<services::MapReply> r) { wrong += r.ok() ? 0 : 1; });
        const auto seen = map->get(key);
        if (!seen || *seen != toData(std::to_string(i))) ++wrong;
      }
    });
  for (auto& c : callers) c.join();
  CHECK(wrong == 0);
}
