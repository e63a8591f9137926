#include <doctest/doctest.h>

#include <future>
#include <mutex>

#include "engine_fixture.h"
#include "test_log.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
Bytes key(int i) { return toData("key-" + std::to_string(i)); }
Bytes value(int i) { return toData("value-" + std::to_string(i)); }

void fill(Engine& engine, const std::string& map, int count) {
  const auto m = engine.map(map);
  for (int i = 0; i < count; ++i) {
    const Status s = m->set(key(i), value(i));
    REQUIRE_MESSAGE(s.ok(), (s.ok() ? "" : s.error().toString()));
  }
}
int missing(Engine& engine, const std::string& map, int count) {
  const auto m = engine.map(map);
  int lost = 0;
  for (int i = 0; i < count; ++i) {
    const auto got = m->get(key(i));
    if (!got || !got.value() || **got != value(i)) ++lost;
  }
  return lost;
}
}  // namespace

TEST_CASE("a member alone is joined, safe and serves") {
  GridConfig c = configFor(freePorts(1), {});
  c.join = "empty";
  auto node = startNode(c);
  REQUIRE(node->engine->waitJoined(10000));
  CHECK(node->engine->state().joined);
  REQUIRE(eventually([&] { return isWhole(*node, 1); }));
  fill(*node->engine, "m", 50);
  CHECK(missing(*node->engine, "m", 50) == 0);
  CHECK(node->engine->map("m")->sizeNow().value() == 50);
  CHECK(node->engine->state().ownedPartitions == 271);
  CHECK(node->engine->state().members.front().local);
  CHECK(node->engine->map("m")->localStats().ownedEntryCount == 50);
  CHECK(node->engine->stop());
  CHECK(node->engine->map("m")->get(key(1)).error().code == Code::kShutdown);
}

TEST_CASE("two members find each other; each reads what the other wrote") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  CHECK(cluster[0].state().members.size() == 2);
  CHECK(cluster[0].state().clusterName == "test-10.1");
  CHECK(cluster[0].state().viewVersion == cluster[1].state().viewVersion);
  CHECK(cluster[0].state().ownedPartitions + cluster[1].state().ownedPartitions == 271);
  fill(cluster[0], "m", 100);
  CHECK(missing(cluster[1], "m", 100) == 0);
  CHECK(cluster[1].map("m")->sizeNow().value() == 100);
  const auto owner = cluster[0].ownerOf(key(1));
  REQUIRE(owner);
  CHECK(owner->uuid == cluster[1].ownerOf(key(1))->uuid);
  std::promise<std::size_t> counted;
  cluster[1].map("m")->keys([&](Result<std::vector<Bytes>> r) { counted.set_value(r->size()); });
  CHECK(counted.get_future().get() == 100);
  std::promise<std::uint64_t> cleared;
  cluster[0].map("m")->clear([&](Result<std::uint64_t> r) { cleared.set_value(*r); });
  CHECK(cleared.get_future().get() == 100);
  CHECK(cluster[1].map("m")->sizeNow().value() == 0);
}

TEST_CASE("three members with different numbers of shards; one crashes, nothing acknowledged is lost") {
  Cluster cluster(3);
  cluster.nodes[2]->engine->abandon();
  cluster.nodes[2].reset();
  cluster.nodes[2] = cluster.make(2, 3);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  fill(cluster[0], "m", 300);
  CHECK(missing(cluster[2], "m", 300) == 0);
  cluster.nodes[1]->engine->abandon();
  cluster.nodes[1].reset();
  // Not waiting for anything: operations find the new owners by themselves.
  CHECK(missing(cluster[0], "m", 300) == 0);
  CHECK(missing(cluster[2], "m", 300) == 0);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  CHECK(cluster[0].map("m")->sizeNow().value() == 300);
}

TEST_CASE("a graceful stop hands over, even without backups") {
  Cluster cluster(3, [](GridConfig& c) {
    auto maps = std::make_shared<MapConfigs>();
    MapConfig none;
    none.name = "m";
    none.backupCount = 0;
    maps->add(none);
    c.maps = maps;
  });
  REQUIRE(eventually([&] { return cluster.whole(); }));
  fill(cluster[0], "m", 200);
  CHECK(cluster[0].stop());
  cluster.nodes[0].reset();
  CHECK(missing(cluster[1], "m", 200) == 0);
  CHECK(cluster[1].stop());
  cluster.nodes[1].reset();
  CHECK(missing(cluster[2], "m", 200) == 0);
}

TEST_CASE("a restarted member takes its port again and rejoins") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  fill(cluster[0], "m", 50);
  const MemberId before = cluster[1].id();
  CHECK(cluster[1].stop());
  cluster.nodes[1].reset();
  cluster.nodes[1] = cluster.make(1);
  CHECK(cluster[1].address().port == cluster.ports[1]);
  CHECK(cluster[1].id() != before);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  CHECK(missing(cluster[1], "m", 50) == 0);
}

TEST_CASE("topic messages reach every member in the publisher's order") {
  Cluster cluster(3);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  constexpr int kMessages = 200;
  struct Seen {
    std::mutex mutex;
    std::vector<std::string> payloads;
    int local = 0;
  } seen[3];
  std::vector<std::unique_ptr<services::Subscription>> subscriptions;
  for (std::size_t i = 0; i < 3; ++i)
    subscriptions.push_back(
        cluster[i].topic("t")->subscribe([&seen, i](const services::TopicMessage& m) {
          std::lock_guard lock(seen[i].mutex);
          seen[i].payloads.push_back(m.payload);
          seen[i].local += m.local ? 1 : 0;
        }));
  for (int i = 0; i < kMessages; ++i)
    REQUIRE(cluster[1].topic("t")->publish(std::to_string(i)).ok());
  for (auto& s : seen) {
    CHECK(eventually([&] {
      std::lock_guard lock(s.mutex);
      return s.payloads.size() == kMessages;
    }));
    std::lock_guard lock(s.mutex);
    for (std::size_t i = 0; i < s.payloads.size(); ++i) CHECK(s.payloads[i] == std::to_string(i));
  }
  CHECK(seen[0].local == 0);
  CHECK(seen[1].local == kMessages);
  CHECK(cluster[1].topic("t")->localStats().publishOperationCount == kMessages);
  CHECK(cluster[2].topic("t")->localStats().receiveOperationCount == kMessages);
  // A subscription that has ended hears nothing more.
  subscriptions[2].reset();
  REQUIRE(cluster[1].topic("t")->publish("last").ok());
  CHECK(eventually([&] {
    std::lock_guard lock(seen[0].mutex);
    return seen[0].payloads.size() == kMessages + 1;
  }));
  std::lock_guard lock(seen[2].mutex);
  CHECK(seen[2].payloads.size() == kMessages);
}

TEST_CASE("listeners are told when members come and go") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  std::atomic<std::size_t> last{0};
  const auto subscription = cluster[0].onMembershipChange(
      [&](const services::GridState& s) { last = s.members.size(); });
  CHECK(cluster[1].stop());
  CHECK(eventually([&] { return last == 1; }));
}

TEST_CASE("too large keys are refused with a name") {
  GridConfig c = configFor(freePorts(1), {});
  auto node = startNode(c);
  CHECK(node->engine->map("m")->get(Bytes(kMaxKeyBytes + 1, 'x')).error().code ==
        Code::kNetTooLarge);
}
