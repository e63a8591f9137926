// EntryListeners: from the shards' entry events to the listeners' functions.
//
// Purpose:   a listener is never run inside a shard core; its events wait in a bounded queue, and
//            one task at a time on the shards hands them out, so that their order stays.
// Threads:   all methods from any thread. A listener is not running and not called once its
//            registration is gone; it may end itself.
// Bounds:    kMaxQueuedEvents per listener; what does not fit is a gap event (partition -1).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "services/grid.h"

namespace ox::grid {

inline constexpr std::size_t kMaxQueuedEvents = 10'000;

class EntryListeners {
 public:
  using Run = std::function<void(std::function<void()>)>;  // later, on an engine thread
  std::uint64_t add(services::EntryListener listener, Run run);
  void remove(std::uint64_t id);  // waits for a running call on another thread
  void deliver(std::uint64_t id, services::EntryEvent event);

 private:
  struct Listener {
    std::mutex queueMutex;
    std::deque<services::EntryEvent> queue;
    bool scheduled = false;
    Run run;
    std::recursive_mutex callMutex;  // held while the function runs
    std::shared_ptr<const services::EntryListener> call;
  };
  static void drain(const std::shared_ptr<Listener>& listener);
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Listener>> all_;
  std::uint64_t last_ = 0;
};

}  // namespace ox::grid
