// How many logins may fail or be tried: counts per key in a window that begins with the first one.
//
// Threads: any.
// Bounds:  kMaxKeys keys; beyond them the one that began longest ago is forgotten.
// Source:  com.openexchange.ajax.login.maxRate, .rateLimitByLogin.* of the original.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace ox::login {

class RateLimit {
 public:
  static constexpr std::size_t kMaxKeys = 100'000;

  explicit RateLimit(Clock& clock) : clock_(clock) {}
  // limit <= 0 = nothing is limited.
  void configure(std::int64_t limit, std::int64_t windowMillis);
  // Milliseconds until another one is allowed; 0 = now.
  std::int64_t waitMillis(const std::string& key);
  void count(const std::string& key);

 private:
  struct Window {
    std::string key;
    std::int64_t began;
    std::int64_t counted;
  };
  void dropOld(std::int64_t now);

  Clock& clock_;
  std::mutex mutex_;
  std::int64_t limit_ = 0;
  std::int64_t window_ = 0;
  std::list<Window> windows_;  // in the order in which they began
  std::unordered_map<std::string, std::list<Window>::iterator> byKey_;
};

}  // namespace ox::login
