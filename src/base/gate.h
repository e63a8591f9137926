// Gate: shutdown of something that is used concurrently. Close the door (new users are refused),
// then wait until those inside have left.
//
// Threads: enter/leave from any thread; close() once, blocks until empty.
#pragma once

#include <condition_variable>
#include <mutex>

#include "base/check.h"

namespace ox {

class Gate {
 public:
  // False when the gate is closed; otherwise leave() must follow.
  bool enter() {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }
  void leave() {
    std::lock_guard lock(mutex_);
    OX_CHECK(inside_ > 0);
    if (--inside_ == 0 && closed_) empty_.notify_all();
  }
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    empty_.wait(lock, [this] { return inside_ == 0; });
  }
  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }

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
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  int inside_ = 0;
  bool closed_ = false;
};

}  // namespace ox
