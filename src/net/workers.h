// Workers: the bounded thread pool for blocking work (MySQL, password hashing, slow handlers).
// Offered to bundles as "workers".
//
// Threads:   submit() from any thread. A full queue refuses (false), it never blocks the caller.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ox::net {

class Workers {
 public:
  Workers(int threads, std::size_t queueLimit, std::string threadName);
  ~Workers();  // finishes what is queued, then joins
  [[nodiscard]] bool submit(std::function<void()> task);
  std::size_t queued() const;
  void stop();

 private:
  void run(int index);
  const std::size_t queueLimit_;
  const std::string threadName_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ox::net
