// Cache events: the wire form, hostile messages, listeners, losses.
#include <doctest/doctest.h>

#include <mutex>
#include <thread>

#include "../sessions/fake_grid.h"
#include "base/random.h"
#include "events.h"
#include "serialization/data.h"
#include "serialization/portable.h"
#include "wire.h"

using namespace ox;
using namespace ox::caching;
using services::CacheEvent;
using services::CacheKey;
using services::TopicMessage;
using test::FakeTopic;

namespace {

CacheEvent event(const std::string& region, std::vector<CacheKey> keys = {}) {
  CacheEvent e;
  e.region = region;
  e.keys = std::move(keys);
  return e;
}

struct Recorder {
  std::mutex mutex;
  std::vector<std::pair<CacheEvent, bool>> seen;
  services::CacheListener listener() {
    return [this](const CacheEvent& e, bool remote) {
      std::lock_guard lock(mutex);
      seen.emplace_back(e, remote);
    };
  }
  std::size_t count() {
    std::lock_guard lock(mutex);
    return seen.size();
  }
  void waitFor(std::size_t n) {
    while (count() < n) std::this_thread::yield();
  }
};

TopicMessage remote(Bytes payload, std::uint64_t sequence, const std::string& source = "other") {
  return {std::move(payload), source, sequence, 0, false};
}
Bytes messageOf(const CacheEvent& e) { return encodeMessage({"somebody", {e}}); }

}  // namespace

TEST_CASE("events come back whole: all operations, all kinds of keys") {
  Message m;
  m.senderId = "abc";
  m.events.push_back(event("OXDBPoolCache", {{5, {"oxdatabase_6"}}}));
  m.events.push_back(event("Context", {{42, {}}, {-1, {"example.org"}}}));
  m.events.push_back(event("User", {{42, {"3"}}, {-1, {"a", "b"}}}));
  m.events.push_back(event("Context"));
  m.events.back().operation = CacheEvent::Operation::kClear;
  m.events.push_back(event("X"));
  m.events.back().operation = CacheEvent::Operation::kInvalidateGroup;
  m.events.back().group = "g";
  const auto back = decodeMessage(encodeMessage(m));
  REQUIRE(back.ok());
  CHECK(back->senderId == "abc");
  REQUIRE(back->events.size() == m.events.size());
  for (std::size_t i = 0; i < m.events.size(); ++i) {
    CHECK(back->events[i].region == m.events[i].region);
    CHECK(back->events[i].operation == m.events[i].operation);
    CHECK(back->events[i].group == m.events[i].group);
    CHECK(back->events[i].keys == m.events[i].keys);
  }
}

TEST_CASE("classes, fields and key kinds are those of the original") {
  const Bytes data = messageOf(event("Context", {{42, {}}, {7, {"s"}}}));
  const auto message = serialization::PortableReader::open(data);
  REQUIRE(message.ok());
  CHECK(message->type() == serialization::PortableClass{873, 3, 0});
  CHECK(message->fieldNames().empty());
  ByteReader raw = message->raw();
  CHECK(serialization::readUtf(raw) == "somebody");
  CHECK(raw.boolean());
  CHECK(raw.i32() == 1);
  const auto object = message->object(raw);
  REQUIRE(object.ok());
  CHECK(object->type().classId == 4);
  CHECK(object->fieldNames() == std::vector<std::string>{"r", "g", "o", "hk", "k"});
  CHECK(object->utf("o")->value() == "invalidate");
  const auto keys = object->portableArray("k");
  REQUIRE(keys.ok());
  CHECK((*keys)[0].type().classId == 17);
  CHECK(*(*keys)[0].i32("k") == 2);  // a context id travels as Integer
  CHECK(*(*keys)[1].i32("k") == 1);
  CHECK(*(*keys)[1].i32("c") == 7);
  CHECK(*(*keys)[1].i32("s") == 1);

  const Bytes none = messageOf(event("Context"));
  const auto without = serialization::PortableReader::open(none);
  ByteReader rest = without->raw();
  serialization::readUtf(rest);
  rest.boolean();
  rest.i32();
  CHECK(without->object(rest)->fieldNames() == std::vector<std::string>{"r", "g", "o", "hk"});
}

TEST_CASE("cut off and changed messages are errors or valid, never a crash") {
  const Bytes data = messageOf(event("OXDBPoolCache", {{5, {"schema"}}, {6, {}}}));
  for (std::size_t n = 0; n < data.size(); ++n) CHECK_FALSE(decodeMessage(data.substr(0, n)).ok());
  SeededRandom random(3);
  for (int i = 0; i < 5000; ++i) {
    Bytes changed = data;
    for (int k = 0; k < 2; ++k)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    static_cast<void>(decodeMessage(changed));
  }
  CHECK_FALSE(decodeMessage(serialization::toData("text")).ok());
  CHECK_FALSE(decodeMessage(messageOf(event(std::string(kMaxTextBytes + 1, 'r')))).ok());
  CHECK_FALSE(decodeMessage(messageOf(event("r", std::vector<CacheKey>(kMaxKeys + 1)))).ok());
  Message many;
  many.events.resize(kMaxEvents + 1, event("r"));
  CHECK_FALSE(decodeMessage(encodeMessage(many)).ok());
}

TEST_CASE("publish reaches the listeners of the region before it returns, and the topic") {
  auto topic = std::make_shared<FakeTopic>(kTopicName);
  CacheEventsService service(topic, "me");
  Recorder context, all, other;
  auto a = service.subscribe("Context", context.listener());
  auto b = service.subscribe("", all.listener());
  auto c = service.subscribe("User", other.listener());
  service.publish(event("Context", {{1, {}}}));
  REQUIRE(context.count() == 1);
  CHECK_FALSE(context.seen[0].second);
  CHECK(all.count() == 1);
  CHECK(other.count() == 0);
  CHECK(topic->published.size() == 1);
  a.reset();
  service.publish(event("Context"));
  CHECK(context.count() == 1);
  service.stop();
  CHECK(all.count() == 2);  // our own messages do not come back
}

TEST_CASE("events of other nodes arrive in order and as remote; an echo of ours does not") {
  auto topic = std::make_shared<FakeTopic>(kTopicName);
  CacheEventsService service(topic, "me");
  Recorder all;
  auto subscription = service.subscribe("", all.listener());
  for (std::uint64_t i = 1; i <= 100; ++i)
    topic->deliver(remote(messageOf(event("Context", {{static_cast<std::int32_t>(i), {}}})), i));
  topic->deliver(remote(encodeMessage({"me", {event("Context")}}), 101));
  service.stop();
  REQUIRE(all.count() == 100);
  for (std::size_t i = 0; i < 100; ++i) {
    CHECK(all.seen[i].second);
    CHECK(all.seen[i].first.keys[0].id == static_cast<std::int32_t>(i + 1));
  }
}

TEST_CASE("a gap and an undecodable message clear every region") {
  auto topic = std::make_shared<FakeTopic>(kTopicName);
  CacheEventsService service(topic, "me");
  Recorder mine;
  auto subscription = service.subscribe("Mine", mine.listener());
  topic->deliver(remote(messageOf(event("X")), 5));
  topic->deliver(remote(messageOf(event("X")), 6));
  topic->deliver(remote(messageOf(event("X")), 1, "second"));
  topic->deliver(remote(messageOf(event("X")), 8));
  mine.waitFor(1);
  CHECK(mine.seen[0].first.operation == CacheEvent::Operation::kClear);
  CHECK(mine.seen[0].second);
  topic->deliver(remote("rubbish", 9));
  service.stop();
  CHECK(mine.count() == 2);
  const EventCounters c = service.counters();
  CHECK(c.lostMessages == 1);
  CHECK(c.undecodable == 1);
  CHECK(c.clearedAll == 2);
  CHECK(c.received == 4);
}

TEST_CASE("a full queue loses messages and clears instead") {
  auto topic = std::make_shared<FakeTopic>(kTopicName);
  CacheEventsService service(topic, "me");
  std::atomic<bool> open{false};
  std::atomic<int> clears{0};
  auto subscription = service.subscribe("Slow", [&](const CacheEvent& e, bool) {
    if (e.operation == CacheEvent::Operation::kClear) ++clears;
    while (!open) std::this_thread::yield();
  });
  const Bytes payload = messageOf(event("Slow"));
  for (std::uint64_t i = 1; i <= kQueueLimit + 50; ++i) topic->deliver(remote(payload, i));
  open = true;
  service.stop();
  CHECK(service.counters().lostMessages >= 49);
  CHECK(clears == 1);
}

TEST_CASE("a topic that refuses is counted; without a topic all stays here") {
  auto topic = std::make_shared<FakeTopic>(kTopicName);
  topic->failing = true;
  CacheEventsService service(topic, "me");
  service.publish(event("Context"));
  CHECK(service.counters().publishFailures == 1);
  CacheEventsService alone(nullptr, "me");
  Recorder all;
  auto subscription = alone.subscribe("", all.listener());
  alone.publish(event("Context"));
  CHECK(all.count() == 1);
}

TEST_CASE("the end of a subscription waits for its running listener") {
  CacheEventsService service(nullptr, "me");
  std::atomic<bool> inside{false}, open{false}, ended{false};
  auto subscription = service.subscribe("", [&](const CacheEvent&, bool) {
    inside = true;
    while (!open) std::this_thread::yield();
    CHECK_FALSE(ended);
  });
  std::thread publisher([&] { service.publish(event("Context")); });
  while (!inside) std::this_thread::yield();
  std::thread ender([&] {
    subscription.reset();
    ended = true;
  });
  open = true;
  ender.join();
  publisher.join();
  CHECK(ended);
}
