#include "engine_listeners.h"

namespace ox::grid {

std::uint64_t EntryListeners::add(services::EntryListener listener, Run run) {
  auto entry = std::make_shared<Listener>();
  entry->call = std::make_shared<const services::EntryListener>(std::move(listener));
  entry->run = std::move(run);
  std::lock_guard lock(mutex_);
  all_.emplace(++last_, std::move(entry));
  return last_;
}

void EntryListeners::remove(std::uint64_t id) {
  std::shared_ptr<Listener> gone;
  {
    std::lock_guard lock(mutex_);
    const auto it = all_.find(id);
    if (it == all_.end()) return;
    gone = std::move(it->second);
    all_.erase(it);
  }
  std::lock_guard lock(gone->callMutex);
  gone->call = nullptr;
}

void EntryListeners::deliver(std::uint64_t id, services::EntryEvent event) {
  std::shared_ptr<Listener> to;
  {
    std::lock_guard lock(mutex_);
    const auto it = all_.find(id);
    if (it == all_.end()) return;
    to = it->second;
  }
  std::lock_guard lock(to->queueMutex);
  if (to->queue.size() >= kMaxQueuedEvents) {
    to->queue.clear();
    event = {};
    event.partition = -1;
  }
  to->queue.push_back(std::move(event));
  if (std::exchange(to->scheduled, true)) return;
  to->run([to] { drain(to); });
}

void EntryListeners::drain(const std::shared_ptr<Listener>& listener) {
  std::deque<services::EntryEvent> events;
  {
    std::lock_guard lock(listener->queueMutex);
    events.swap(listener->queue);
  }
  {
    std::lock_guard lock(listener->callMutex);
    for (const auto& event : events) {
      const auto call = listener->call;  // may end itself
      if (!call) return;
      (*call)(event);
    }
  }
  std::lock_guard lock(listener->queueMutex);
  listener->scheduled = !listener->queue.empty();
  if (listener->scheduled) listener->run([listener] { drain(listener); });
}

}  // namespace ox::grid
