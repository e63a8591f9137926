#include "rate_limit.h"

#include <algorithm>

namespace ox::login {

void RateLimit::configure(std::int64_t limit, std::int64_t windowMillis) {
  std::lock_guard lock(mutex_);
  limit_ = windowMillis > 0 ? limit : 0;
  window_ = windowMillis;
}

void RateLimit::dropOld(std::int64_t now) {
  while (!windows_.empty() &&
         (now - windows_.front().began >= window_ || windows_.size() > kMaxKeys)) {
    byKey_.erase(windows_.front().key);
    windows_.pop_front();
  }
}

std::int64_t RateLimit::waitMillis(const std::string& key) {
  const std::int64_t now = clock_.steadyMillis();
  std::lock_guard lock(mutex_);
  if (limit_ <= 0) return 0;
  dropOld(now);
  const auto found = byKey_.find(key);
  if (found == byKey_.end() || found->second->counted < limit_) return 0;
  return std::max<std::int64_t>(found->second->began + window_ - now, 1);
}

void RateLimit::count(const std::string& key) {
  const std::int64_t now = clock_.steadyMillis();
  std::lock_guard lock(mutex_);
  if (limit_ <= 0) return;
  dropOld(now);
  if (const auto found = byKey_.find(key); found != byKey_.end()) {
    ++found->second->counted;
    return;
  }
  windows_.push_back({key, now, 1});
  byKey_.emplace(key, std::prev(windows_.end()));
  dropOld(now);
}

}  // namespace ox::login
