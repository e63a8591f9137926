// Tasks between members: results, errors, time-outs, lost members and links; and the runner's bounds.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "data_harness.h"
#include "structures/task_runner.h"
#include "structures/tasks.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
struct TaskCluster : Cluster {
  explicit TaskCluster(int nodes) : Cluster(nodes) {
    for (int i = 0; i < nodes; ++i)
      core(i).setTaskRun([this, i](const std::string& name, Bytes argument, std::int64_t,
                                   services::Completion<Bytes> done) {
        ++ran;
        if (name == "echo") done(std::to_string(i) + ":" + argument);
        else if (name == "hang") hanging.push_back(std::move(done));
        else if (name == "big") done(Bytes(kMaxTaskBytes + 1, 'x'));
        else done(Error(Code::kGridUnknownTask));
      });
    installNew({{0}});
    settle();
  }
  Answer<Bytes> submit(int from, int to, const std::string& name, std::int64_t timeout = 1000) {
    Answer<Bytes> a;
    core(from).submitTask(id(to), 0, name, "x", timeout, a.take());
    settle();
    return a;
  }
  int ran = 0;
  std::vector<services::Completion<Bytes>> hanging;
};
}  // namespace

TEST_CASE("a task runs on the member it was submitted to") {
  TaskCluster c(2);
  CHECK(c.submit(0, 1, "echo").value() == "1:x");
  CHECK(c.submit(0, 0, "echo").value() == "0:x");
  CHECK(c.submit(0, 1, "none").code() == Code::kGridUnknownTask);
  CHECK(c.submit(0, 1, "big").code() == Code::kNetTooLarge);
  CHECK(c.submit(0, 1, std::string(kMaxTaskName + 1, 'n')).code() == Code::kInvalid);
}

TEST_CASE("no result in time; one that comes later is nobody's") {
  TaskCluster c(2);
  auto remote = c.submit(0, 1, "hang", 100);
  auto local = c.submit(1, 1, "hang", 100);
  c.run(90);
  CHECK_FALSE(remote.done());
  c.run(30);
  CHECK(remote.code() == Code::kNetTimeout);
  CHECK(local.code() == Code::kNetTimeout);
  for (auto& done : c.hanging) done(Bytes("late"));
  c.settle();
  CHECK(remote.got->size() == 1);
  CHECK(c.core(0).badMessages() == 0);
}

TEST_CASE("a member that goes, and a link that breaks, end the task with a code of their own") {
  TaskCluster c(3);
  auto crashed = c.submit(0, 1, "hang");
  auto cut = c.submit(0, 2, "hang");
  c.cut(0, 2);
  CHECK(cut.code() == Code::kGridMemberLost);
  CHECK_FALSE(crashed.done());
  c.node(1).dead = true;
  c.installNew({{0}});
  CHECK(crashed.code() == Code::kGridMemberLost);
  CHECK(c.submit(0, 1, "echo").code() == Code::kGridMemberLost);
}

TEST_CASE("members of protocol 1 are not sent tasks") {
  TaskCluster c(2);
  c.protocol = 1;
  c.installNew({{0}});
  CHECK(c.submit(0, 1, "echo").code() == Code::kGridIncompatible);
  CHECK(c.submit(0, 0, "echo").value() == "0:x");
}

TEST_CASE("foreign answers and undecodable frames are refused and counted") {
  TaskCluster c(2);
  TaskReplyMessage reply;
  reply.id = 7;
  reply.ok = true;
  c.core(0).received(c.id(1), reply.encode(0));
  CHECK(c.core(0).badMessages() == 1);
  TaskMessage task{1, 10, "echo", "x"};
  const Bytes frame = task.encode(0);
  for (std::size_t n = 3; n < frame.size(); ++n) c.core(0).received(c.id(1), frame.substr(0, n));
  CHECK(c.core(0).badMessages() == 1 + frame.size() - 3);
  CHECK(c.ran == 0);
}

namespace {
struct Runner {
  ManualClock clock;
  std::shared_ptr<net::Workers> workers = std::make_shared<net::Workers>(2, 10, "test-task");
  std::shared_ptr<TaskRunner> runner = std::make_shared<TaskRunner>(workers, clock);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Result<Bytes>> results;
  ~Runner() {
    runner->close();
    workers->stop();  // a worker that is done may still hold the runner
  }
  void run(const std::string& name, std::int64_t timeout = 1000) {
    runner->run(name, "x", timeout, [this](Result<Bytes> r) {
      std::lock_guard lock(mutex);
      results.push_back(std::move(r));
      changed.notify_all();
    });
  }
  void wait(std::size_t n) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return results.size() >= n; }));
  }
};
}  // namespace

TEST_CASE("runner: results, exceptions, unknown names, one registration per name") {
  Runner r;
  auto echo = r.runner->add("echo", [](BytesView b, const auto&) { return Bytes(b); });
  REQUIRE(echo.ok());
  CHECK_FALSE(r.runner->add("echo", [](BytesView b, const auto&) { return Bytes(b); }).ok());
  auto bad = r.runner->add("bad", [](BytesView, const auto&) -> Result<Bytes> {
    throw std::runtime_error("broken");
  });
  r.run("echo");
  r.wait(1);
  CHECK(*r.results[0] == "x");
  r.run("bad");
  r.wait(2);
  CHECK(r.results[1].error().message == "task 'bad' failed: broken");
  echo->reset();
  r.run("echo");
  r.wait(3);
  CHECK(r.results[2].error().code == Code::kGridUnknownTask);
  CHECK(r.runner->stats().completed == 2);
}

TEST_CASE("runner: what waits too long is not begun, what runs is told, what is too much is refused") {
  Runner r;
  std::mutex gate;
  std::atomic<int> inside{0};
  std::atomic<bool> told{false};
  gate.lock();
  auto slow = r.runner->add("slow", [&](BytesView, const services::TaskCancelled& cancelled) {
    ++inside;
    std::lock_guard lock(gate);
    told = cancelled();
    return Bytes("done");
  });
  REQUIRE(slow.ok());
  r.run("slow");
  r.run("slow");
  while (inside < 2) std::this_thread::yield();
  const auto pending = r.runner->stats().pending;
  CHECK(pending == 2);
  r.run("slow", 10);
  for (std::size_t i = 0; i < kMaxTasksQueued; ++i) r.run("slow", 10);
  r.wait(1);
  CHECK(r.results[0].error().code == Code::kBusy);
  r.clock.advance(2000);
  gate.unlock();
  r.wait(3 + kMaxTasksQueued);
  CHECK(told);
  CHECK(inside == 2);
  const auto stats = r.runner->stats();
  CHECK(stats.cancelled == kMaxTasksQueued);
  CHECK(stats.started == 2);
  CHECK(stats.refused == 1);
}

TEST_CASE("runner: the end of a registration waits for its run; a task may end its own") {
  Runner r;
  std::atomic<bool> begun{false}, ended{false}, go{false};
  auto task = r.runner->add("t", [&](BytesView, const auto&) {
    begun = true;
    while (!go) std::this_thread::yield();
    ended = true;
    return Bytes();
  });
  r.run("t");
  while (!begun) std::this_thread::yield();
  std::thread later([&] { go = true; });
  task->reset();
  CHECK(ended);
  later.join();
  r.wait(1);
  std::unique_ptr<services::Subscription> own;
  auto self = r.runner->add("self", [&](BytesView, const auto&) {
    own.reset();
    return Bytes("gone");
  });
  own = std::move(*self);
  r.run("self");
  r.wait(2);
  CHECK(*r.results[1] == "gone");
}
