// StoreQueue: gets sessions into the session storage, and keeps at it until they are there.
//
// Purpose:   a login waits a moment for its session to be stored; when the storage is slow or away
//            the login goes on and the queue repeats until the storage has it or the session is gone.
// Threads:   put() from any; kStoreThreads threads of its own do the blocking calls.
// Bounds:    `limit` waiting sessions, then new ones are dropped, counted and logged.
// Retries:   from kRetryFirstMillis doubling to kRetryMostMillis, for as long as the session lives.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "services/sessions.h"

namespace ox::sessiond {

inline constexpr int kStoreThreads = 2;
inline constexpr std::size_t kStoreQueueLimit = 100'000;
inline constexpr std::int64_t kRetryFirstMillis = 200;
inline constexpr std::int64_t kRetryMostMillis = 10'000;
inline constexpr std::int64_t kStopMillis = 10'000;  // for the last round at a stop

struct StoreCounters {
  std::uint64_t stored = 0;
  std::uint64_t retries = 0;
  std::uint64_t dropped = 0;
  std::uint64_t waiting = 0;
};

class StoreQueue {
 public:
  // `alive` gives the session's present state, null when it has ended meanwhile.
  using Alive = std::function<services::SessionPtr(const std::string& id)>;
  StoreQueue(std::shared_ptr<services::SessionStorage> storage, Alive alive, Clock& clock,
             std::size_t limit = kStoreQueueLimit);
  ~StoreQueue();  // stop()

  // Waits at most `waitMillis`. True: stored. False: still trying, or dropped.
  bool put(const std::string& id, std::int64_t waitMillis);
  // One last round over what waits (so that a graceful stop loses nothing), then ends the threads.
  void stop();
  StoreCounters counters() const;

 private:
  struct Job {
    std::string id;
    std::int64_t backoff = kRetryFirstMillis;
    bool done = false;
    bool stored = false;
  };
  using JobPtr = std::shared_ptr<Job>;
  void run();
  bool attempt(Job& job);

  const std::shared_ptr<services::SessionStorage> storage_;
  const Alive alive_;
  Clock& clock_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;   // for the threads
  std::condition_variable ended_;  // for those who wait in put()
  std::multimap<std::int64_t, JobPtr> due_;  // by steady milliseconds
  StoreCounters counters_;
  bool stopping_ = false;
  std::int64_t stopBy_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace ox::sessiond
