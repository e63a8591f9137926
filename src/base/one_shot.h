// OneShot: one thread waits until another one has said once that something is done.
//
// Why not std::atomic's wait: the library yields the processor up to sixteen times before it sleeps,
// which costs more than it saves when many callers, or a caller and the shard, share a processor.
//
// Threads: done() once, from any thread; wait() from one. The object must outlive both.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace ox {

class OneShot {
 public:
  void done() {
    if (state_.exchange(kDone, std::memory_order_acq_rel) == kWaited) futex(FUTEX_WAKE_PRIVATE, 1);
  }
  void wait() {
    std::uint32_t seen = kOpen;
    if (!state_.compare_exchange_strong(seen, kWaited, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
      return;
    while (state_.load(std::memory_order_acquire) == kWaited) futex(FUTEX_WAIT_PRIVATE, kWaited);
  }

 private:
  static constexpr std::uint32_t kOpen = 0, kWaited = 1, kDone = 2;
  void futex(int operation, std::uint32_t value) {
    static_assert(sizeof(state_) == sizeof(std::uint32_t));
    ::syscall(SYS_futex, &state_, operation, value, nullptr, nullptr, 0);
  }
  std::atomic<std::uint32_t> state_{kOpen};
};

}  // namespace ox
