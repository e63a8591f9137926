// How calls of the grid service come back: one answer from one lane, or the sum of all lanes'.
// Threads: any; used by engine_grid.cpp and engine_map.cpp only.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "engine_impl.h"

namespace ox::grid {

template <typename T>
using Completion = services::Completion<T>;

// A completion that is called exactly once: when everybody who could answer has gone, it says so.
template <typename T>
class Answer {
 public:
  explicit Answer(Completion<T> done) : done_(std::move(done)) {}
  ~Answer() {
    if (done_) done_(Error(Code::kShutdown));
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  void operator()(Result<T> result) {
    if (const auto once = std::exchange(done_, nullptr)) once(std::move(result));
  }

 private:
  Completion<T> done_;
};

// Adds up the lanes' answers; the first error is the answer of the whole.
template <typename T>
class Gather {
 public:
  Gather(std::size_t lanes, Completion<T> done) : left_(lanes), done_(std::move(done)) {}
  void add(Result<T> part) {
    std::unique_lock lock(mutex_);
    if (!part) {
      if (!error_) error_ = part.error();
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      sum_ += *part;
    } else {
      std::move(part->begin(), part->end(), std::back_inserter(sum_));
    }
    if (--left_ != 0) return;
    lock.unlock();
    if (error_) done_(*error_);
    else done_(std::move(sum_));
  }

 private:
  std::mutex mutex_;
  std::size_t left_;
  T sum_{};
  std::optional<Error> error_;
  Completion<T> done_;
};

inline Error refusedBy(const Engine::Impl& engine) {
  if (!engine.running) return Error(Code::kShutdown);
  return Error(Code::kBusy, "more than " + std::to_string(kMaxPosted) +
                                " operations wait for one shard of this member");
}

}  // namespace ox::grid
