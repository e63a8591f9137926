// Updates that begin by themselves: the rule, the limit per database, one run per schema.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>

#include "implicit.h"
#include "test_log.h"

using namespace ox;
using namespace ox::update;
using services::SchemaRef;

namespace {
template <typename Condition>
bool waitFor(const Condition& condition) {
  for (int i = 0; i < 20000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}
// Runs that end when they are told to.
struct Held {
  std::mutex mutex;
  std::condition_variable wake;
  bool open = false;
  int inside = 0, most = 0, done = 0;
  std::map<std::int32_t, int> perPool;
  int mostPerPool = 0;
  Result<services::UpdateReport> run(const SchemaRef& schema) {
    std::unique_lock lock(mutex);
    most = std::max(most, ++inside);
    mostPerPool = std::max(mostPerPool, ++perPool[schema.writePoolId]);
    wake.wait(lock, [&] { return open; });
    --inside;
    --perPool[schema.writePoolId];
    ++done;
    return services::UpdateReport{};
  }
  void release() {
    std::lock_guard lock(mutex);
    open = true;
    wake.notify_all();
  }
  int count(int Held::*what) {
    std::lock_guard lock(mutex);
    return this->*what;
  }
};
}  // namespace

TEST_CASE("what the first use of a context does") {
  CHECK(loadAction({false, false, false}, false) == LoadAction::kNothing);
  CHECK(loadAction({true, false, true}, false) == LoadAction::kNothing);
  CHECK(loadAction({true, true, false}, false) == LoadAction::kStartAndRefuse);
  CHECK(loadAction({false, true, false}, false) == LoadAction::kStart);
  CHECK(loadAction({true, true, false}, true) == LoadAction::kDeny);
  CHECK(loadAction({false, true, false}, true) == LoadAction::kNothing);  // locks nobody out
}

TEST_CASE("no more runs per database than allowed, each schema once, all in the end") {
  Held held;
  ImplicitUpdates updates([&](const SchemaRef& schema) { return held.run(schema); });
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 10; ++i)
      CHECK(updates.start({i % 2, "s_" + std::to_string(i)}, 2));
  CHECK(waitFor([&] { return held.count(&Held::inside) == 4; }));
  CHECK(updates.figures().waiting == 6);
  held.release();
  CHECK(waitFor([&] { return held.count(&Held::done) == 10; }));
  CHECK(held.mostPerPool == 2);
  CHECK(waitFor([&] { return updates.figures().running == 0; }));
  CHECK(updates.figures().started == 10);
}

TEST_CASE("many databases share a bounded number of threads and none is forgotten") {
  Held held;
  ImplicitUpdates updates([&](const SchemaRef& schema) { return held.run(schema); });
  for (int i = 0; i < 40; ++i) CHECK(updates.start({i, "s"}, 2));
  CHECK(waitFor([&] { return held.count(&Held::inside) == kMaxImplicitThreads; }));
  held.release();
  CHECK(waitFor([&] { return held.count(&Held::done) == 40; }));
  CHECK(held.most == kMaxImplicitThreads);
}

TEST_CASE("a schema whose run ended with an error rests; one that was locked does not") {
  std::atomic<int> runs{0};
  std::atomic<Code> code{Code::kUpdUnresolvable};
  ox::test::ExpectErrors expected;
  ImplicitUpdates updates([&](const SchemaRef&) -> Result<services::UpdateReport> {
    ++runs;
    return Error(code.load());
  });
  const auto quiet = [&] { return updates.figures().running == 0; };
  CHECK(updates.start({1, "bad"}, 1));
  CHECK(waitFor([&] { return runs == 1 && quiet(); }));
  CHECK_FALSE(updates.start({1, "bad"}, 1));
  code = Code::kUpdLocked;
  CHECK(updates.start({1, "locked"}, 1));
  CHECK(waitFor([&] { return runs == 2 && quiet(); }));
  CHECK(updates.start({1, "locked"}, 1));
  CHECK(waitFor([&] { return runs == 3 && quiet(); }));
  updates.stop();
  CHECK_FALSE(updates.start({1, "other"}, 1));
}

TEST_CASE("who is not admitted because other nodes have the places waits and is run later") {
  Held held;
  held.open = true;
  std::atomic<int> free{0}, asked{0};
  const ImplicitUpdates::Admit admit =
      [&](std::int32_t, int limit) -> std::optional<std::shared_ptr<void>> {
    ++asked;
    CHECK(limit == 3);
    if (free.load() == 0) return std::nullopt;
    --free;
    return std::shared_ptr<void>(nullptr, [&](void*) { ++free; });  // its place comes back
  };
  ImplicitUpdates updates([&](const SchemaRef& schema) { return held.run(schema); }, systemClock(),
                          admit);
  for (const char* schema : {"a", "b"}) CHECK(updates.start({1, schema}, 3));
  CHECK(waitFor([&] { return asked >= 2; }));
  CHECK(held.count(&Held::done) == 0);
  CHECK(updates.figures().started == 0);
  free = 1;
  CHECK(waitFor([&] { return held.count(&Held::done) == 2; }));
  CHECK(held.most == 1);
}

TEST_CASE("databases without room do not keep all threads from one that has") {
  Held held;
  held.open = true;
  std::atomic<bool> room{false};
  const ImplicitUpdates::Admit admit =
      [&](std::int32_t poolId, int) -> std::optional<std::shared_ptr<void>> {
    if (poolId != 99 && !room) return std::nullopt;
    return std::shared_ptr<void>();
  };
  ImplicitUpdates updates([&](const SchemaRef& schema) { return held.run(schema); }, systemClock(),
                          admit);
  for (int i = 0; i < kMaxImplicitThreads; ++i) CHECK(updates.start({i, "s"}, 2));
  CHECK(updates.start({99, "s"}, 2));  // gets no thread of its own
  CHECK(waitFor([&] { return held.count(&Held::done) == 1; }));
  room = true;
  CHECK(waitFor([&] { return held.count(&Held::done) == kMaxImplicitThreads + 1; }));
  CHECK(waitFor([&] { return updates.figures().running == 0; }));
}
