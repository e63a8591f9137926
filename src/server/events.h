// Events: what the main thread waits for: signals and requests of the management interface.
//
// Threads:   push() from any; next() by the main thread. The signal thread runs while this lives.
// Signals:   SIGTERM, SIGINT -> kStop (a second one ends the process at once, exit 143),
//            SIGHUP -> kReload, SIGUSR1 -> kStopWhenSafe. blockSignals() must run before the first thread is made.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace ox::server {

inline constexpr std::size_t kMaxPendingEvents = 64;

struct Event {
  enum class Kind : std::uint8_t { kStop, kReload, kStopWhenSafe };
  Kind kind = Kind::kStop;
  std::function<void(const std::string& problem)> done;  // kReload: told the outcome; may be empty
};

class Events {
 public:
  static void blockSignals();
  Events();
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  bool push(Event event);  // false when too many wait or closed
  Event next();
  // Nothing when none came in time.
  std::optional<Event> next(std::chrono::milliseconds longest);
  // Drops what waits and refuses what comes: who waits for an outcome sees a broken promise.
  void close();

 private:
  void watchSignals();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Event> queue_;
  bool closed_ = false;
  bool ending_ = false;
  std::thread signals_;
};

}  // namespace ox::server
