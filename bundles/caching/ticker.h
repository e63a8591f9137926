// Ticker: a thread that calls a function at a fixed pace until it is stopped.
// Threads: the function runs on the ticker's own thread; stop() (or the destructor) waits for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/log.h"

namespace ox::caching {

class Ticker {
 public:
  Ticker(std::string_view name, std::int64_t everyMillis, std::function<void()> tick)
      : thread_([this, name = std::string(name), every = std::chrono::milliseconds(everyMillis),
                 tick = std::move(tick)](const std::stop_token& stop) {
          log::setThreadName(name);
          std::unique_lock lock(mutex_);
          while (!wake_.wait_for(lock, stop, every, [&] { return stop.stop_requested(); })) {
            lock.unlock();
            tick();
            lock.lock();
          }
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: stops first
};

}  // namespace ox::caching
