// Gate: shutdown of something that is used concurrently. Close the door (new users are refused),
// then wait until those inside have left.
//
// Threads: enter/leave from any thread, without a lock while the gate is open; close() blocks until
//          empty.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/check.h"

namespace ox {

class Gate {
 public:
  // False when the gate is closed; otherwise leave() must follow.
  bool enter() {
    std::uint64_t now = state_.load(std::memory_order_relaxed);
    do {
      if (now & kClosed) return false;
    } while (!state_.compare_exchange_weak(now, now + 1));
    return true;
  }
  void leave() {
    std::uint64_t now = state_.load(std::memory_order_relaxed);
    OX_CHECK((now & ~kClosed) > 0);
    while (!(now & kClosed))
      if (state_.compare_exchange_weak(now, now - 1)) return;
    // Somebody waits: he may destroy the gate as soon as he has the lock back.
    std::lock_guard lock(mutex_);
    if (--state_ == kClosed) empty_.notify_all();
  }
  void close() {
    std::unique_lock lock(mutex_);
    state_ |= kClosed;
    empty_.wait(lock, [this] { return state_ == kClosed; });
  }
  bool closed() const { return (state_ & kClosed) != 0; }

  // Scoped visit: `Gate::Visit v(gate); if (!v) return refused;`
  class Visit {
   public:
    explicit Visit(Gate& gate) : gate_(gate.enter() ? &gate : nullptr) {}
    ~Visit() { if (gate_) gate_->leave(); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    Gate* gate_;
  };

 private:
  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;
  std::atomic<std::uint64_t> state_{0};  // how many are inside, and kClosed
  std::mutex mutex_;                     // of those that leave a closed gate, and close()
  std::condition_variable empty_;
};

}  // namespace ox
