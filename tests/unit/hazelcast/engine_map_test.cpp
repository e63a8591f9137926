// The calls of GridMap beyond single entries, over two real members on loopback.
#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <set>

#include "engine_fixture.h"
#include "test_log.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;
using services::EntryEvent;
using services::EntryEventType;
using services::LockState;
using services::MapEntry;
using services::QueryResult;

namespace {
Bytes key(int i) { return toData("key-" + std::to_string(i)); }
Bytes value(int i) { return toData((i % 2 == 0 ? "even-" : "odd-") + std::to_string(i)); }

// The answer of one call with a completion.
template <typename T, typename F>
Result<T> answerOf(F&& call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call([promise](Result<T> r) { promise->set_value(std::move(r)); });
  if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
    return Error(Code::kInternal, "no answer");
  return future.get();
}

std::vector<MapEntry> numbered(int count) {
  std::vector<MapEntry> out;
  for (int i = 0; i < count; ++i) out.push_back({key(i), value(i)});
  return out;
}
}  // namespace

TEST_CASE("setAll, getAll, query and removeAll reach the partitions of both members") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  const auto a = cluster[0].map("m");
  const auto b = cluster[1].map("m");
  const auto set = answerOf<std::uint64_t>([&](auto done) { a->setAll(numbered(300), done); });
  REQUIRE(set);
  CHECK(*set == 300);
  CHECK(a->localStats().ownedEntryCount > 0);
  CHECK(b->localStats().ownedEntryCount > 0);

  const auto got = answerOf<std::vector<MapEntry>>(
      [&](auto done) { b->getAll({key(1), key(2), key(299), key(300)}, done); });
  REQUIRE(got);
  CHECK(got->size() == 3);  // of those that exist
  for (const auto& e : *got)
    CHECK((e.key == key(1) ? value(1) : e.key == key(2) ? value(2) : value(299)) == e.value);

  const auto odd = services::query::like("this", "odd-%");
  const auto found =
      answerOf<QueryResult>([&](auto done) { b->query(odd, services::QueryOptions{}, done); });
  REQUIRE(found);
  CHECK(found->entries.size() == 150);
  std::set<Bytes> paged;
  services::QueryOptions page;
  page.pageSize = 40;
  page.want = services::QueryWant::kKeys;
  for (int i = 0; i < 20; ++i) {
    const auto part = answerOf<QueryResult>([&](auto done) { a->query(odd, page, done); });
    REQUIRE(part);
    CHECK(part->entries.size() <= 40);
    for (const auto& e : part->entries) CHECK(paged.insert(e.key).second);
    if (part->last) break;
    page.anchor = part->anchor;
  }
  CHECK(paged.size() == 150);
  const auto wrong = answerOf<QueryResult>([&](auto done) {
    a->query(services::query::where("this LIKE"), services::QueryOptions{}, done);
  });
  CHECK_FALSE(wrong);

  const auto removed = answerOf<std::uint64_t>([&](auto done) { b->removeAll(odd, done); });
  REQUIRE(removed);
  CHECK(*removed == 150);
  CHECK(a->sizeNow().value() == 150);
}

TEST_CASE("an entry listener hears the changes of every partition, in order per key") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  std::mutex mutex;
  std::vector<EntryEvent> events;
  const auto heard = [&] {
    std::lock_guard lock(mutex);
    return events.size();
  };
  const auto map = cluster[0].map("m");
  const auto even = services::query::like("this", "even-%");
  auto subscribed = map->addEntryListener(
      [&](const EntryEvent& e) {
        std::lock_guard lock(mutex);
        events.push_back(e);
      },
      &even, true, true);
  REQUIRE(subscribed);
  const auto other = cluster[1].map("m");
  for (int i = 0; i < 40; ++i) REQUIRE(other->set(key(i), value(i)));
  for (int i = 0; i < 40; i += 2) REQUIRE(other->remove(key(i)));
  REQUIRE(eventually([&] { return heard() >= 40; }));
  {
    std::lock_guard lock(mutex);
    CHECK(events.size() == 40);
    for (int i = 0; i < 40; i += 2) {
      std::vector<EntryEventType> types;
      for (const auto& e : events)
        if (e.key == key(i)) types.push_back(e.type);
      CHECK(types == std::vector{EntryEventType::kAdded, EntryEventType::kRemoved});
    }
    CHECK(events.front().value == value(0));
  }
  subscribed->reset();
  const auto before = heard();
  REQUIRE(other->set(key(0), value(0)));
  REQUIRE(other->get(key(0)));
  CHECK(heard() == before);
}

TEST_CASE("a processor runs at the owner, whichever member asks") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  for (std::size_t i = 0; i < 2; ++i)
    REQUIRE(cluster[i].registerProcessor(
        "append", [](const services::EntryView& entry, BytesView argument) {
          services::EntryChange change;
          change.action = services::EntryChange::Action::kSet;
          change.value = toData(std::string(argument));
          change.reply = entry.value ? Bytes("was there") : Bytes("new");
          return change;
        }));
  const auto process = [&](std::size_t member, int k, const std::string& text) {
    return answerOf<std::optional<Bytes>>([&](auto done) {
      cluster[member].map("m")->process(key(k), "append", text, nullptr, done);
    });
  };
  for (int i = 0; i < 20; ++i) {
    const auto first = process(0, i, "a");
    REQUIRE(first);
    CHECK(**first == "new");
    const auto second = process(1, i, "b");
    REQUIRE(second);
    CHECK(**second == "was there");
    CHECK(**cluster[0].map("m")->get(key(i)) == toData("b"));
  }
  const auto unknown = answerOf<std::optional<Bytes>>([&](auto done) {
    cluster[0].map("m")->process(key(1), "nobody", "", nullptr, done);
  });
  CHECK_FALSE(unknown);
}

TEST_CASE("a lock holds off the other member until it is released") {
  Cluster cluster(2);
  REQUIRE(eventually([&] { return cluster.whole(); }));
  const auto a = cluster[0].map("m");
  const auto b = cluster[1].map("m");
  for (int i = 0; i < 6; ++i) {
    const Bytes k = key(i);
    const auto mine = answerOf<LockState>([&](auto done) { a->lock({k, 7}, done); });
    REQUIRE(mine);
    CHECK(mine->locked);
    const auto state = answerOf<LockState>([&](auto done) { b->lockState(k, done); });
    REQUIRE(state);
    CHECK(state->locked);
    CHECK(state->token == 7);
    services::MapRequest other;
    other.op = services::MapOp::kSet;
    other.key = k;
    other.value = value(1);
    std::promise<Result<services::MapReply>> blocked;
    auto written = blocked.get_future();
    b->execute(other, [&](Result<services::MapReply> r) { blocked.set_value(std::move(r)); });
    services::MapRequest held;
    held.op = services::MapOp::kSet;
    held.key = k;
    held.value = value(2);
    held.lockToken = 7;
    CHECK(a->call(held));
    // Waits for the release.
    std::promise<Result<LockState>> waiting;
    auto granted = waiting.get_future();
    b->lock({k, 9, 10'000}, [&](Result<LockState> r) { waiting.set_value(std::move(r)); });
    CHECK(answerOf<LockState>([&](auto done) { a->unlock(k, 7, done); }));
    REQUIRE(granted.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    const auto theirs = granted.get();
    REQUIRE(theirs);
    CHECK(theirs->token == 9);
    CHECK(answerOf<LockState>([&](auto done) { b->unlock(k, 9, done); }));
    // The write came between the two locks, or after both.
    REQUIRE(written.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    CHECK(written.get());
    CHECK(a->set(k, value(3)));
  }
}
