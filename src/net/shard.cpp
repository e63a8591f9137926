#include "net/shard.h"

#include <atomic>
#include <exception>
#include <future>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"
#include "base/log.h"

namespace ox::net {
namespace {
namespace asio = boost::asio;
thread_local const Shard* tCurrent = nullptr;
}  // namespace

struct Shard::Impl {
  // The hint 1 tells Asio that one thread runs the loop: fewer wake-ups, no work stealing.
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(loop);
  std::thread thread;
  std::mutex stopMutex;
  std::atomic<std::uint64_t> nextTimer{1};
  // Only touched on the loop.
  std::unordered_map<std::uint64_t, std::unique_ptr<asio::steady_timer>> timers;
};

Shard::Shard(int index, std::string threadName) : index_(index), impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([this, name = std::move(threadName)] {
    tCurrent = this;
    log::setThreadName(name);
    for (;;) {
      try {
        impl_->loop.run();
        return;
      } catch (const std::exception& e) {
        // No task of ours throws on purpose; one that does must not take the shard's others along.
        log::error(std::string("a task of this shard threw: ") + e.what());
      }
    }
  });
}

Shard::~Shard() { stop(); }

bool Shard::onThisThread() const { return tCurrent == this; }

void Shard::post(Task task) { asio::post(impl_->loop, std::move(task)); }

void Shard::dispatch(Task task) {
  if (onThisThread()) task();
  else post(std::move(task));
}

std::uint64_t Shard::runAfter(std::int64_t millis, Task task) {
  const std::uint64_t id = impl_->nextTimer.fetch_add(1, std::memory_order_relaxed);
  const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(millis);
  dispatch([this, id, due, task = std::move(task)]() mutable {
    auto timer = std::make_unique<asio::steady_timer>(impl_->loop, due);
    timer->async_wait([this, id, task = std::move(task)](const boost::system::error_code& error) {
      // A timer that was cancelled after it had fired is no longer in the table.
      if (impl_->timers.erase(id) != 0 && !error) task();
    });
    impl_->timers.emplace(id, std::move(timer));
  });
  return id;
}

void Shard::cancelTimer(std::uint64_t id) {
  dispatch([this, id] { impl_->timers.erase(id); });
}

void Shard::runAndWait(Task task) {
  if (onThisThread()) {
    task();
    return;
  }
  // Owned by the posted task: one that throws breaks the promise instead of leaving us waiting.
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  post([done, task = std::move(task)] {
    task();
    done->set_value();
  });
  done.reset();
  finished.get();
}

void Shard::stop() {
  OX_CHECK(!onThisThread());
  std::lock_guard lock(impl_->stopMutex);
  if (!impl_->thread.joinable()) return;
  impl_->work.reset();
  impl_->loop.stop();
  impl_->thread.join();
}

boost::asio::io_context& Shard::loop() { return impl_->loop; }

ShardSet::ShardSet(int count) {
  OX_CHECK(count > 0);
  shards_.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    shards_.push_back(std::make_unique<Shard>(i, "shard-" + std::to_string(i)));
}

void ShardSet::stop() {
  for (auto& shard : shards_) shard->stop();
}

}  // namespace ox::net
