// Answer: how the engine's proxies make sure that every caller is answered. For engine*.cpp only.
#pragma once

#include <utility>

#include "engine_impl.h"

namespace ox::grid {

// A completion that is called exactly once: when everybody who could answer has gone, it says so.
template <typename T>
class Answer {
 public:
  explicit Answer(services::Completion<T> done) : done_(std::move(done)) {}
  ~Answer() {
    if (done_) done_(Error(Code::kShutdown));
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  void operator()(Result<T> result) {
    if (const auto once = std::exchange(done_, nullptr)) once(std::move(result));
  }

 private:
  services::Completion<T> done_;
};

inline Error refusedBy(const Engine::Impl& engine) {
  if (!engine.running) return Error(Code::kShutdown);
  return Error(Code::kBusy, "more than " + std::to_string(kMaxPosted) +
                                " operations wait for one shard of this member");
}

}  // namespace ox::grid
