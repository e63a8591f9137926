#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "net/interfaces.h"
#include "net/shard.h"
#include "net/workers.h"
#include "test_log.h"

using namespace ox;
using namespace ox::net;

TEST_CASE("tasks run on the shard's thread in the order of posting") {
  Shard shard(3, "t");
  CHECK(shard.index() == 3);
  CHECK_FALSE(shard.onThisThread());
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) shard.post([&order, i] { order.push_back(i); });
  bool there = false;
  shard.runAndWait([&] { there = shard.onThisThread(); });
  CHECK(there);
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("dispatch on the shard's thread runs at once") {
  Shard shard(0, "t");
  bool inside = false;
  shard.runAndWait([&] { shard.dispatch([&] { inside = true; }); CHECK(inside); });
}

TEST_CASE("timers fire in order of time; a cancelled one does not") {
  Shard shard(0, "t");
  std::promise<void> last;
  std::vector<int> fired;
  shard.runAfter(30, [&] { fired.push_back(2); last.set_value(); });
  shard.runAfter(1, [&] { fired.push_back(1); });
  const auto id = shard.runAfter(5, [&] { fired.push_back(99); });
  shard.cancelTimer(id);
  last.get_future().get();
  shard.runAndWait([] {});
  CHECK(fired == std::vector<int>{1, 2});
}

TEST_CASE("a task that throws is logged and the shard goes on") {
  const test::ExpectErrors expected;
  Shard shard(0, "t");
  shard.post([] { throw std::runtime_error("boom"); });
  bool ran = false;
  shard.runAndWait([&] { ran = true; });
  CHECK(ran);
}

TEST_CASE("a full worker queue refuses, stop finishes what is queued") {
  Workers workers(1, 2, "w");
  std::promise<void> go, started;
  const auto gate = go.get_future().share();
  std::atomic<int> done{0};
  REQUIRE(workers.submit([&] { started.set_value(); gate.wait(); ++done; }));
  started.get_future().get();
  CHECK(workers.submit([&] { ++done; }));
  CHECK(workers.submit([&] { ++done; }));
  CHECK_FALSE(workers.submit([&] { ++done; }));
  CHECK(workers.queued() == 2);
  go.set_value();
  workers.stop();
  CHECK(done == 3);
  CHECK_FALSE(workers.submit([] {}));
}

TEST_CASE("interfaces: patterns choose the address, a miss names what there is") {
  const std::vector<std::string> local{"10.0.0.15", "192.168.1.4", "127.0.0.1"};
  CHECK(pickAddress({"192.168.*.*"}, local).value() == "192.168.1.4");
  CHECK(pickAddress({"172.16.0.1", "10.0.0.10-20"}, local).value() == "10.0.0.15");
  const auto none = pickAddress({"172.16.*.*"}, local);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().message.find("172.16.*.*") != std::string::npos);
  CHECK(none.error().message.find("192.168.1.4") != std::string::npos);
  CHECK_FALSE(localAddresses().empty());
  CHECK(isLoopback(localAddresses().back()));
  CHECK(resolve("127.0.0.1", false).value() == std::vector<std::string>{"127.0.0.1"});
  CHECK(resolve("localhost", false).value().front() == "127.0.0.1");
}
