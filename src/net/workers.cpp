#include "net/workers.h"

#include <exception>

#include "base/check.h"
#include "base/log.h"

namespace ox::net {

Workers::Workers(int threads, std::size_t queueLimit, std::string threadName)
    : queueLimit_(queueLimit), threadName_(std::move(threadName)) {
  OX_CHECK(threads > 0 && queueLimit > 0);
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

Workers::~Workers() { stop(); }

bool Workers::submit(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queueLimit_) return false;
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

std::size_t Workers::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void Workers::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (auto& thread : threads) {
    OX_CHECK(thread.get_id() != std::this_thread::get_id());
    thread.join();
  }
}

void Workers::run(int index) {
  log::setThreadName(threadName_ + "-" + std::to_string(index));
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      task();
    } catch (const std::exception& e) {
      log::error(std::string("a task of a worker threw: ") + e.what());
    }
  }
}

}  // namespace ox::net
