// The service of cache events over a transport of the test: listeners, order, batches, losses, warnings.
#include <doctest/doctest.h>

#include <mutex>
#include <thread>

#include "../sessions/fake_grid.h"
#include "clearing.h"
#include "events.h"
#include "grid_transport.h"
#include "regions.h"
#include "wire.h"

#include <nlohmann/json.hpp>

using namespace ox;
using namespace ox::caching;
using services::CacheEvent;
using services::CacheKey;
using test::ManualClock;

namespace {

CacheEvent event(const std::string& region, std::vector<CacheKey> keys = {}) {
  CacheEvent e;
  e.region = region;
  e.keys = std::move(keys);
  return e;
}
Bytes messageOf(const CacheEvent& e) { return encodeMessage({"somebody", {e}}); }

class FakeTransport final : public EventTransport {
 public:
  void start(EventSink s) override { sink = std::move(s); }
  Status publish(int topic, Bytes payload) override {
    if (during) during();
    if (failing) return Error(Code::kGridNotJoined);
    std::lock_guard lock(mutex);
    published.emplace_back(topic, payload);
    sink.message("me", topic, ++numbers[topic], payload, true);
    return {};
  }
  Status announce(Bytes payload) override {
    std::lock_guard lock(mutex);
    announced.push_back(std::move(payload));
    return {};
  }
  void stop() override { stopped = true; }
  bool lateral() const override { return false; }
  void hear(std::uint64_t number, const Bytes& payload, const std::string& source = "other",
            int topic = 0) {
    sink.message(source, topic, number, payload, false);
  }
  Announcement said(std::size_t i) {
    std::lock_guard lock(mutex);
    return *Announcement::decode(announced.at(i));
  }
  std::size_t announcements() {
    std::lock_guard lock(mutex);
    return announced.size();
  }

  EventSink sink;
  std::mutex mutex;
  bool failing = false, stopped = false;
  std::function<void()> during;
  std::vector<std::pair<int, Bytes>> published;
  std::vector<Bytes> announced;
  std::map<int, std::uint64_t> numbers;
};

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

struct House {
  ManualClock clock;
  std::shared_ptr<FakeTransport> transport = std::make_shared<FakeTransport>();
  EventSettings settings;
  std::unique_ptr<CacheEventsService> made;
  House() { settings.senderId = "me"; }
  CacheEventsService& service() {
    if (!made) made = std::make_unique<CacheEventsService>(transport, settings, clock);
    return *made;
  }
};

}  // namespace

TEST_CASE("publish reaches the listeners of the region before it returns, and the transport") {
  House house;
  auto& service = house.service();
  Recorder context, all, other;
  auto a = service.subscribe("Context", context.listener());
  auto b = service.subscribe("", all.listener());
  auto c = service.subscribe("User", other.listener());
  service.publish(event("Context", {{7, {}}}));
  REQUIRE(context.count() == 1);
  CHECK_FALSE(context.seen[0].second);
  CHECK(all.count() == 1);
  CHECK(other.count() == 0);
  REQUIRE(house.transport->published.size() == 1);
  CHECK(house.transport->published[0].first == 7 % 5);
  a.reset();
  service.publish(event("Context"));
  CHECK(house.transport->published[1].first == 0);
  CHECK(context.count() == 1);
  service.stop();
  CHECK(all.count() == 2);  // our own messages do not come back
  CHECK(house.transport->stopped);
}

TEST_CASE("a region of this node only is not told to others") {
  House house;
  house.settings.clusterWide = [](const std::string& region) { return region != "Local"; };
  house.service().publish(event("Local"));
  house.service().publish(event("Wide"));
  CHECK(house.transport->published.size() == 1);
}

TEST_CASE("events of other nodes arrive in order and as remote; an echo of ours does not") {
  House house;
  Recorder all;
  auto subscription = house.service().subscribe("", all.listener());
  for (std::uint64_t i = 1; i <= 100; ++i)
    house.transport->hear(i, messageOf(event("Context", {{static_cast<std::int32_t>(i), {}}})));
  house.transport->hear(101, encodeMessage({"me", {event("Context")}}));
  house.service().stop();
  REQUIRE(all.count() == 100);
  for (std::size_t i = 0; i < 100; ++i) {
    CHECK(all.seen[i].second);
    CHECK(all.seen[i].first.keys[0].id == static_cast<std::int32_t>(i + 1));
  }
}

TEST_CASE("a gap and an undecodable message flush every cluster-wide region, once each") {
  House house;
  house.settings.regions = [] { return std::vector<std::string>{"Mine"}; };
  Recorder mine, context;
  auto a = house.service().subscribe("Mine", mine.listener());
  auto b = house.service().subscribe("Context", context.listener());
  house.transport->hear(1, messageOf(event("X")));
  house.transport->hear(2, messageOf(event("X")));
  house.transport->hear(1, messageOf(event("X")), "second");
  house.transport->hear(1, messageOf(event("X")), "second", 3);
  house.transport->hear(4, messageOf(event("X")));
  mine.waitFor(1);
  CHECK(mine.seen[0].first.operation == CacheEvent::Operation::kClear);
  CHECK(mine.seen[0].second);
  CHECK(context.count() == 1);
  house.transport->hear(5, "rubbish");
  house.service().stop();
  CHECK(mine.count() == 2);
  const EventCounters c = house.service().counters();
  CHECK(c.lostMessages == 1);
  CHECK(c.undecodable == 1);
  CHECK(c.clearedAll == 2);
  CHECK(c.received == 5);
}

TEST_CASE("a full queue loses messages and flushes instead; then losses are looked for again") {
  House house;
  std::atomic<std::int64_t> trusted{0};
  house.settings.trust = [&](std::int64_t until) { trusted = until; };
  std::atomic<bool> open{false};
  std::atomic<int> clears{0};
  auto subscription = house.service().subscribe("Slow", [&](const CacheEvent& e, bool) {
    if (e.operation == CacheEvent::Operation::kClear) ++clears;
    while (!open) std::this_thread::yield();
  });
  const Bytes payload = messageOf(event("Slow"));
  for (std::uint64_t i = 1; i <= kQueueLimit + 50; ++i) house.transport->hear(i, payload);
  house.service().tick();  // there is no room for it either
  house.clock.advance(1'000);
  open = true;
  const std::int64_t until = house.clock.steadyMillis() + 2'500;
  while (trusted < until) house.service().tick();
  house.service().stop();
  CHECK(house.service().counters().lostMessages >= 48);
  CHECK(clears >= 1);
}

TEST_CASE("announcements: the last numbers, what could not be sent, the end") {
  House house;
  house.settings.announceMillis = 1'000;
  auto& service = house.service();
  const auto when = [&](std::size_t n) {
    while (house.transport->announcements() < n) std::this_thread::yield();
    return house.transport->said(n - 1);
  };
  CHECK(when(1).last.empty());
  service.publish(event("Context", {{7, {}}}));
  service.publish(event("Context", {{12, {}}}));
  service.publish(event("Context"));
  house.clock.advance(1'000);
  const Announcement second = when(2);
  CHECK(second.last == std::map<int, std::uint64_t>{{0, 1}, {2, 2}});
  CHECK(second.topicCount == 5);
  house.transport->failing = true;
  service.publish(event("Context"));
  CHECK(service.counters().publishFailures == 1);
  CHECK(when(3).losses == 1);  // at once, whatever the interval
  house.transport->failing = false;
  service.stop();
  CHECK(house.transport->said(house.transport->announcements() - 1).ended);
}

TEST_CASE("what a node announces and does not arrive leads to a flush; so does its silence") {
  House house;
  std::atomic<std::int64_t> trusted{0};
  house.settings.trust = [&](std::int64_t until) { trusted = until; };
  auto& service = house.service();
  Recorder context;
  auto a = service.subscribe("Context", context.listener());
  Announcement said;
  said.process = 1;
  said.topicCount = 5;
  house.transport->sink.announcement("other", said.encode());
  said.last[2] = 1;
  house.transport->sink.announcement("other", said.encode());
  const auto settled = [&] {  // two looks later everything before was seen
    for (int i = 0; i < 2; ++i) {
      const std::int64_t until = house.clock.steadyMillis() + 2'500;
      while (trusted < until) service.tick();
      house.clock.advance(1);
    }
  };
  settled();
  CHECK(context.count() == 0);
  house.clock.advance(2'500);
  context.waitFor(1);
  CHECK(service.counters().silent == 0);
  house.clock.advance(2'500);
  context.waitFor(2);
  settled();
  CHECK(service.counters().silent == 1);
  CHECK(service.counters().lostMessages == 1);
  CHECK(service.counters().clearedAll == 2);
}

TEST_CASE("nodes with other settings are warned of once") {
  House house;
  auto& service = house.service();
  const std::uint64_t before = log::warnCount();
  Announcement said;
  said.process = 1;
  said.topicCount = 7;
  for (int i = 0; i < 3; ++i) house.transport->sink.announcement("a", said.encode());
  said.topicCount = 5;
  said.lateral = true;
  for (int i = 0; i < 3; ++i) house.transport->sink.announcement("b", said.encode());
  house.transport->sink.announcement("c", "rubbish");
  service.stop();
  CHECK(log::warnCount() == before + 3);
  CHECK(service.counters().undecodable == 1);
}

TEST_CASE("what is published while a message is being sent goes along in batches; duplicates once") {
  House house;
  auto& service = house.service();
  bool first = true;
  house.transport->during = [&] {
    if (!std::exchange(first, false)) return;
    std::thread other([&] {
      for (int round = 0; round < 2; ++round)
        for (std::int32_t i = 1; i <= 25; ++i) service.publish(event("Context", {{5 * i, {}}}));
    });
    other.join();
  };
  service.publish(event("Context", {{5, {}}}));
  REQUIRE(house.transport->published.size() == 4);  // 1, then 10, 10, 5
  std::vector<std::size_t> sizes;
  for (const auto& [topic, payload] : house.transport->published)
    sizes.push_back(decodeMessage(payload)->events.size());
  CHECK(sizes == std::vector<std::size_t>{1, 10, 10, 5});
  CHECK(service.counters().merged == 25);
  CHECK(service.counters().offered == 51);
}

TEST_CASE("without a transport all stays here") {
  CacheEventsService alone(nullptr, {});
  Recorder all;
  auto subscription = alone.subscribe("", all.listener());
  alone.publish(event("Context"));
  CHECK(all.count() == 1);
}

TEST_CASE("the end of a subscription waits for its running listener") {
  CacheEventsService service(nullptr, {});
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

TEST_CASE("regions: what others publish is forgotten, and what is not trusted is not read") {
  House house;
  CacheSettings settings;
  settings.regions["Local"].clusterWide = false;
  Regions regions(settings, house.clock);
  house.settings.trust = [&](std::int64_t until) { regions.trustUntil(until); };
  house.settings.clusterWide = [&](const std::string& r) { return regions.clusterWide(r); };
  house.settings.regions = [&] { return regions.clusterWideRegions(); };
  house.made = std::make_unique<CacheEventsService>(house.transport, house.settings, house.clock);
  std::shared_ptr<services::CacheEvents> events(house.made.get(), [](auto*) {});
  regions.attach(events);
  auto wide = regions.region("Wide"), local = regions.region("Local");
  wide->put(services::flatKey(1), "v");
  local->put(services::flatKey(1), "v");
  Recorder heard;
  auto a = events->subscribe("Wide", heard.listener());
  house.transport->hear(1, messageOf(event("Wide", {{1, {}}})));
  heard.waitFor(1);
  CHECK_FALSE(wide->get(services::flatKey(1)).has_value());
  CHECK(wide->stats().invalidationsReceived == 1);

  wide->put(services::flatKey(2), "v");
  local->invalidate({{3, {}}});
  CHECK(house.transport->published.empty());
  wide->invalidate({{3, {}}});
  CHECK(house.transport->published.size() == 1);
  CHECK(wide->stats().invalidationsSent == 1);
  CHECK(wide->get(services::flatKey(2)).has_value());
  regions.trustUntil(house.clock.steadyMillis());
  CHECK_FALSE(wide->get(services::flatKey(2)).has_value());
  CHECK(local->get(services::flatKey(1)).has_value());
  house.service().stop();  // no more ticks
  regions.trustUntil(INT64_MAX);
  CHECK(wide->get(services::flatKey(2)).has_value());  // it was only not trusted
  regions.close();
}

TEST_CASE("the grid's topics: published on the shards, heard on those and on the single one") {
  class TopicGrid final : public services::Grid {
   public:
    std::map<std::string, std::shared_ptr<test::FakeTopic>> topics;
    std::shared_ptr<services::GridMap> map(const std::string&) override { return nullptr; }
    std::shared_ptr<services::GridTopic> topic(const std::string& name) override {
      auto& slot = topics[name];
      if (!slot) slot = std::make_shared<test::FakeTopic>(name);
      return slot;
    }
    std::string discoverMapName(const std::string&, const std::string& f) override { return f; }
    services::GridState state() const override {
      services::GridState s;
      s.members = {{"m1", "10.0.0.1", 5701, false, true}, {"m2", "10.0.0.2", 5701, false, false}};
      return s;
    }
    std::optional<services::GridMember> ownerOf(BytesView) const override { return std::nullopt; }
    std::vector<std::string> mapNames() const override { return {}; }
    std::vector<std::string> topicNames() const override { return {}; }
    [[nodiscard]] std::unique_ptr<services::Subscription> onMembershipChange(
        std::function<void(const services::GridState&)>) override {
      return nullptr;
    }
  };
  auto grid = std::make_shared<TopicGrid>();
  GridTransport transport(grid, 3);
  std::vector<std::string> heard;
  std::vector<EventSource> others;
  EventSink sink;
  sink.message = [&](const std::string& source, int topic, std::uint64_t number, const Bytes& payload,
                     bool local) {
    heard.push_back(source + " " + std::to_string(topic) + " " + std::to_string(number) + " " +
                    payload + (local ? " local" : ""));
  };
  sink.announcement = [&](const std::string& source, const Bytes&) { heard.push_back("said " + source); };
  sink.members = [&](std::vector<EventSource> now) { others = std::move(now); };
  transport.start(sink);
  REQUIRE(others.size() == 1);
  CHECK(others[0].address == "10.0.0.2:5701");
  CHECK(transport.publish(2, "p").ok());
  grid->topics["cacheEvents-3"]->deliver({"legacy", "m2", 1, 0, false});
  CHECK(transport.announce("a").ok());
  grid->topics[kAnnouncementTopic]->deliver({"a", "m2", 1, 0, false});
  CHECK(heard == std::vector<std::string>{"self 2 1 p local", "m2 -1 1 legacy", "said m2"});
  CHECK(grid->topics.size() == 5);
  transport.stop();
  CHECK(transport.publish(2, "p").ok());
  CHECK(heard.size() == 3);
}

TEST_CASE("clearcache: keys as people write them") {
  CHECK(*readKey("7") == CacheKey{7, {}});
  CHECK(*readKey("7/a/b") == CacheKey{7, {"a", "b"}});
  CHECK(*readKey("/example.org") == CacheKey{-1, {"example.org"}});
  for (const char* bad : {"", "x", "-1", "7x", "99999999999"}) CHECK_FALSE(readKey(bad).ok());
}

TEST_CASE("clearcache: a key, a group, a region, all; this node or the cluster; mistakes are named") {
  House house;
  CacheSettings settings;
  settings.regions["Context"] = settings.regions["User"] = {};
  Regions regions(settings, house.clock);
  house.settings.regions = [&] { return regions.clusterWideRegions(); };
  house.made = std::make_unique<CacheEventsService>(house.transport, house.settings, house.clock);
  regions.attach(std::shared_ptr<services::CacheEvents>(house.made.get(), [](auto*) {}));
  const auto clear = [&](const nlohmann::json& arguments) {
    return clearCaches(arguments, regions, *house.made);
  };
  for (const char* name : {"Context", "User"})
    for (std::int32_t i = 1; i <= 3; ++i) {
      regions.region(name)->put(services::flatKey(i), "v");
      regions.region(name)->put(services::flatKey(i), "v", "g");
    }
  CHECK((*clear({{"region", "Context"}, {"key", "2"}, {"local", true}}))["removed"] == 1);
  CHECK(house.transport->published.empty());
  CHECK((*clear({{"region", "Context"}, {"key", "2"}, {"group", "g"}}))["removed"] == 1);
  CHECK(house.transport->published.size() == 1);
  CHECK((*clear({{"region", "User"}, {"group", "g"}}))["removed"] == 3);
  CHECK((*clear({{"region", "User"}}))["removed"] == 3);
  CHECK((*clear(nlohmann::json::object()))["regions"] == 2);
  CHECK(regions.region("Context")->stats().count == 0);
  CHECK(clear({{"region", "Contxt"}}).error().message.find("Context, User") != std::string::npos);
  CHECK_FALSE(clear({{"key", "1"}}).ok());
  CHECK_FALSE(clear({{"region", "User"}, {"key", "x"}}).ok());
  CHECK_FALSE(clear({{"region", 7}}).ok());
  house.service().stop();
  regions.close();
}
