#include "config/config.h"
#include "config/keys_sessiond.h"
#include "service.h"

namespace ox::sessiond {

SessiondSettings sessiondSettings(const config::Config& config) {
  namespace keys = config::keys;
  SessiondSettings s;
  s.lifeTimes = LifeTimes::bounded(config.get(keys::kSessionDefaultLifeTime).value,
                                   config.get(keys::kSessionLongLifeTime).value);
  s.maxSession = config.get(keys::kMaxSession);
  s.maxSessionPerUser = config.get(keys::kMaxSessionPerUser);
  s.maxSessionPerClient = config.get(keys::kMaxSessionPerClient);
  s.asyncPut = config.get(keys::kAsyncPutToSessionStorage);
  s.storeWaitMillis = s.asyncPut ? kStoreWaitAsyncMillis : kStoreWaitSyncMillis;
  s.removeFromStorageOnTimeout = config.get(keys::kRemoveFromSessionStorageOnTimeout);
  return s;
}

}  // namespace ox::sessiond
