// What sessiond is configured with (sessiond.properties). Plain value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "containers.h"

namespace ox::config {
class Config;
}

namespace ox::sessiond {

// A login waits so long for its session to be in the grid before it is answered anyway.
inline constexpr std::int64_t kStoreWaitAsyncMillis = 3'000;
inline constexpr std::int64_t kStoreWaitSyncMillis = 30'000;

std::string randomId();  // 32 hex digits

struct SessiondSettings {
  LifeTimes lifeTimes;
  std::int64_t maxSession = 50'000;       // of this node; 0 = no limit
  std::int64_t maxSessionPerUser = 100;   // of the cluster, as the next ones; <= 0 = no limit
  std::int64_t maxSessionPerGuest = 20;
  std::int64_t maxSessionPerLink = 250;
  std::int64_t maxSessionPerClient = 0;
  bool removeFromStorageOnTimeout = false;
  std::int64_t storeWaitMillis = kStoreWaitAsyncMillis;
  std::function<std::string()> newId = randomId;
};
SessiondSettings sessiondSettings(const config::Config& config);

}  // namespace ox::sessiond
