// LeaseKeeper: the thread that gives a sign of life at a fixed interval while tasks run.
//
// Threads:   beat() runs on the keeper's own thread; the destructor stops and joins it.
// Units:     milliseconds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "base/log.h"

namespace ox::update {

class LeaseKeeper {
 public:
  LeaseKeeper(std::int64_t intervalMillis, std::function<void()> beat)
      : thread_([this, intervalMillis, beat = std::move(beat)] { run(intervalMillis, beat); }) {}
  ~LeaseKeeper() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

 private:
  void run(std::int64_t intervalMillis, const std::function<void()>& beat) {
    log::setThreadName("update-lease");
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::milliseconds(intervalMillis),
                           [this] { return stopping_; })) {
      lock.unlock();
      beat();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace ox::update
