#include "settings.h"

#include "base/random.h"
#include "config/config.h"
#include "config/keys_sessiond.h"

namespace ox::sessiond {

std::string randomId() {
  static constexpr std::size_t kIdBytes = 16;
  return secureHex(kIdBytes);
}

SessiondSettings sessiondSettings(const config::Config& config) {
  namespace keys = config::keys;
  SessiondSettings s;
  s.lifeTimes = LifeTimes::bounded(config.get(keys::kSessionDefaultLifeTime).value,
                                   config.get(keys::kSessionLongLifeTime).value);
  s.maxSession = config.get(keys::kMaxSession);
  s.maxSessionPerUser = config.get(keys::kMaxSessionPerUser);
  s.maxSessionPerGuest = config.get(keys::kMaxSessionPerGuest);
  s.maxSessionPerLink = config.get(keys::kMaxSessionPerLink);
  s.maxSessionPerClient = config.get(keys::kMaxSessionPerClient);
  s.storeWaitMillis = config.get(keys::kAsyncPutToSessionStorage) ? kStoreWaitAsyncMillis
                                                                   : kStoreWaitSyncMillis;
  s.removeFromStorageOnTimeout = config.get(keys::kRemoveFromSessionStorageOnTimeout);
  return s;
}

}  // namespace ox::sessiond
