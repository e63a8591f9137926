// Ring buffers, reliable topics and tasks over real sockets and threads.
#include <doctest/doctest.h>

#include <future>

#include "engine_fixture.h"
#include "services/grid_structures.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;
using services::ReliableMessage;

namespace {
template <typename T, typename Start>
Result<T> await(Start start) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  start([promise](Result<T> r) { promise->set_value(std::move(r)); });
  if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
    return Error(Code::kNetTimeout, "the test waits no longer");
  return future.get();
}

struct Listener {
  std::mutex mutex;
  std::vector<std::string> got;
  int gaps = 0;
  services::TopicEventListener take() {
    return [this](const services::TopicEvent& event) {
      std::lock_guard lock(mutex);
      if (const auto* m = std::get_if<ReliableMessage>(&event)) got.push_back(m->payload);
      else ++gaps;
    };
  }
  std::string last() {
    std::lock_guard lock(mutex);
    return got.empty() ? std::string() : got.back();
  }
  std::size_t count() {
    std::lock_guard lock(mutex);
    return got.size();
  }
};
}  // namespace

TEST_CASE("ring buffer: items of one member are read by the other, waiting included") {
  test::Cluster c(2);
  REQUIRE(eventually([&] { return c.whole(); }));
  auto one = *c[0].ringbuffer("r");
  auto two = *c[1].ringbuffer("r");
  CHECK(one.get() == (*c[0].ringbuffer("r")).get());
  const auto waiting = std::async(std::launch::async, [&] {
    return await<services::RingEntry>([&](auto done) { two->readOne(0, 15000, done); });
  });
  for (int i = 0; i < 3; ++i)
    CHECK(*await<std::int64_t>([&](auto done) {
      one->add("v" + std::to_string(i), services::Overflow::kFail, done);
    }) == i);
  auto entry = const_cast<std::future<Result<services::RingEntry>>&>(waiting).get();
  REQUIRE(entry.ok());
  CHECK(entry->value == "v0");
  CHECK(*await<std::int64_t>([&](auto done) {
    two->addAll({"a", "b"}, services::Overflow::kOverwrite, done);
  }) == 4);
  auto all = await<std::vector<services::RingEntry>>(
      [&](auto done) { one->readMany(0, 1, 100, 1000, done); });
  REQUIRE(all.ok());
  CHECK(all->size() == 5);
  CHECK(all->back().sequence == 4);
  auto figures = await<services::RingFigures>([&](auto done) { two->figures(done); });
  REQUIRE(figures.ok());
  CHECK(figures->size() == 5);
  CHECK(figures->remainingCapacity() == figures->capacity - 5);
  auto beyond = await<services::RingEntry>([&](auto done) { one->readOne(99, 0, done); });
  CHECK(beyond.error().code == Code::kGridSequenceGone);
  auto late = await<services::RingEntry>([&](auto done) { one->readOne(5, 50, done); });
  CHECK(late.error().code == Code::kNetTimeout);
}

TEST_CASE("reliable topic: one order for all, over the crash of a member") {
  test::Cluster c(3);
  REQUIRE(eventually([&] { return c.whole(); }));
  Listener first, second;
  auto topic = *c[0].reliableTopic("t");
  auto other = *c[1].reliableTopic("t");
  auto a = topic->subscribe(first.take());
  auto b = other->subscribe(second.take());
  std::atomic<int> acknowledged{0};
  const auto publish = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto done = [&](Result<std::int64_t> r) { acknowledged += r ? 1 : 0; };
      topic->publish("a" + std::to_string(i), done);
      other->publish("b" + std::to_string(i), done);
    }
  };
  // The second subscriber's place in the topic is known by its first message.
  REQUIRE(eventually([&] {
    publish(0, 1);
    return second.count() > 0 && first.count() > 0;
  }));
  publish(1, 100);
  c.nodes[2]->engine->abandon();
  c.nodes[2].reset();
  publish(100, 200);
  REQUIRE(eventually([&] {
    return first.count() >= 400 && first.last().ends_with("199") && second.last() == first.last();
  }));
  std::lock_guard lockFirst(first.mutex);
  std::lock_guard lockSecond(second.mutex);
  CHECK(first.gaps == 0);
  CHECK(second.gaps == 0);
  REQUIRE(second.got.size() >= 398);
  const auto tail = static_cast<std::ptrdiff_t>(398);
  CHECK(std::equal(first.got.end() - tail, first.got.end(), second.got.end() - tail));
  CHECK(acknowledged > 0);
  CHECK(topic->localStats().published >= 200);
}

TEST_CASE("tasks: on a member, on a key's owner, on all; a member that crashes") {
  test::Cluster c(2);
  REQUIRE(eventually([&] { return c.whole(); }));
  auto one = *c[0].executor();
  auto two = *c[1].executor();
  std::atomic<bool> begun{false}, go{false};
  auto where1 = one->registerTask("where", [](BytesView b, const auto&) { return "1" + Bytes(b); });
  auto where2 = two->registerTask("where", [](BytesView b, const auto&) { return "2" + Bytes(b); });
  auto hang = two->registerTask("hang", [&](BytesView, const auto&) {
    begun = true;
    while (!go) std::this_thread::yield();
    return Bytes();
  });
  const std::string uuid = c[1].id().toString();
  CHECK(*await<Bytes>([&](auto done) { one->submitToMember(uuid, "where", "!", 5000, done); }) ==
        "2!");
  const Bytes key = toData(std::string("k"));
  const bool here = c[0].ownerOf(key)->local;
  CHECK(*await<Bytes>([&](auto done) { one->submitToKeyOwner(key, "where", "", 5000, done); }) ==
        (here ? "1" : "2"));
  auto all = await<std::vector<services::TaskAnswer>>(
      [&](auto done) { one->submitToAll("where", "", 5000, done); });
  REQUIRE(all.ok());
  REQUIRE(all->size() == 2);
  for (const auto& answer : *all) CHECK(*answer.result == (answer.member.local ? "1" : "2"));
  auto others = await<std::vector<services::TaskAnswer>>([&](auto done) {
    one->submitToAll("hang", "", 100, done, c[0].id().toString());
  });
  REQUIRE(others->size() == 1);
  REQUIRE_FALSE((*others)[0].result.ok());
  CHECK((*others)[0].result.error().code == Code::kNetTimeout);
  go = true;
  REQUIRE(eventually([&] { return two->localStats().pending == 0; }));
  go = false;
  CHECK(await<Bytes>([&](auto done) {
          one->submitToMember(uuid, "nothing", "", 5000, done);
        }).error().code == Code::kGridUnknownTask);
  CHECK(await<Bytes>([&](auto done) {
          one->submitToMember("nobody", "where", "", 5000, done);
        }).error().code == Code::kGridMemberLost);
  begun = false;
  std::promise<Result<Bytes>> lost;
  one->submitToMember(uuid, "hang", "", 60000,
                      [&](Result<Bytes> r) { lost.set_value(std::move(r)); });
  REQUIRE(eventually([&] { return begun.load(); }));
  // The crash waits for the task, which ends only after its caller has been told.
  auto crash = std::async(std::launch::async, [&] { c.nodes[1]->engine->abandon(); });
  const auto result = lost.get_future().get();
  go = true;
  crash.get();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::kGridMemberLost);
  hang->reset();
  where2->reset();
}

TEST_CASE("structures of a stopped engine answer that it is stopping") {
  test::Cluster c(1);
  REQUIRE(eventually([&] { return c.whole(); }));
  auto ring = *c[0].ringbuffer("r");
  auto topic = *c[0].reliableTopic("t");
  auto executor = *c[0].executor();
  CHECK_FALSE(c[0].ringbuffer("").ok());
  Listener listener;
  auto subscription = topic->subscribe(listener.take());
  CHECK(c[0].stop());
  CHECK(await<std::int64_t>([&](auto done) {
          ring->add("x", services::Overflow::kFail, done);
        }).error().code == Code::kShutdown);
  CHECK(await<std::int64_t>([&](auto done) { topic->publish("x", done); }).error().code ==
        Code::kShutdown);
  CHECK_FALSE(executor->registerTask("t", [](BytesView, const auto&) { return Bytes(); }).ok());
}
