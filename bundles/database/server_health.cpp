#include "server_health.h"

#include "base/log.h"

namespace ox::database {

bool ServerHealth::mayTry(std::int32_t databaseId) {
  std::lock_guard lock(mutex_);
  const auto found = down_.find(databaseId);
  if (found == down_.end()) return true;
  const std::int64_t now = clock_.steadyMillis();
  if (now < found->second) return false;
  found->second = now + kRestMillis;
  return true;
}

void ServerHealth::answered(std::int32_t databaseId, bool ok, const std::string& role,
                            const std::string& meanwhile, const std::string& why) {
  bool news = false;
  {
    std::lock_guard lock(mutex_);
    if (ok) {
      news = down_.erase(databaseId) != 0;
    } else {
      const auto [at, fresh] = down_.try_emplace(databaseId, 0);
      at->second = clock_.steadyMillis() + kRestMillis;
      news = fresh;
    }
  }
  if (!news) return;
  if (ok) log::info(role + " answers again");
  else log::warn(role + " does not answer, " + meanwhile + ": " + why);
}

std::size_t ServerHealth::down() const {
  std::lock_guard lock(mutex_);
  return down_.size();
}

}  // namespace ox::database
