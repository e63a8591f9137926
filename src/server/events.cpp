#include "server/events.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"

namespace ox::server {
namespace {

constexpr int kWakeUp = SIGUSR2;  // sent by ourselves, ends the signal thread

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, kWakeUp}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void Events::blockSignals() {
  signal(SIGPIPE, SIG_IGN);
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Events::Events() : signals_([this] { watchSignals(); }) {}

Events::~Events() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  pthread_kill(signals_.native_handle(), kWakeUp);
  signals_.join();
}

void Events::watchSignals() {
  log::setThreadName("signals");
  const sigset_t set = watched();
  bool stopping = false;
  bool waiting = false;
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    {
      std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    if (signal == SIGHUP) {
      log::info("SIGHUP: reading the configuration again");
      if (!push({Event::Kind::kReload, {}})) log::warn("SIGHUP ignored: too many requests wait");
    } else if (signal == SIGUSR1) {
      if (stopping || waiting) continue;
      waiting = true;
      log::info("SIGUSR1: shutting down as soon as the cluster is safe without this node");
      push({Event::Kind::kStopWhenSafe, {}});
    } else if (signal == SIGTERM || signal == SIGINT) {
      if (stopping) {
        log::warn("second signal: ending at once");
        _exit(128 + SIGTERM);
      }
      stopping = true;
      log::info("signal received: shutting down");
      push({Event::Kind::kStop, {}});
    }
  }
}

bool Events::push(Event event) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    // A stop is always taken: there are at most three sources of it.
    if (queue_.size() >= kMaxPendingEvents && event.kind == Event::Kind::kReload) return false;
    queue_.push_back(std::move(event));
  }
  wake_.notify_one();
  return true;
}

void Events::close() {
  std::deque<Event> dropped;
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(queue_);
}

std::optional<Event> Events::next(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, longest, [this] { return !queue_.empty(); })) return std::nullopt;
  Event event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

Event Events::next() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !queue_.empty(); });
  Event event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

}  // namespace ox::server
