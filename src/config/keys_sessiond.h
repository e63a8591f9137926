// Keys: sessiond.properties (sessions of users).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::int64_t> kMaxSession;  // com.openexchange.sessiond.maxSession
extern const Key<std::int64_t> kMaxSessionPerUser;  // com.openexchange.sessiond.maxSessionPerUser
extern const Key<std::int64_t> kMaxSessionPerGuest;  // com.openexchange.sessiond.maxSessionPerGuest
extern const Key<std::int64_t> kMaxSessionPerLink;  // com.openexchange.sessiond.maxSessionPerLink
extern const Key<std::int64_t> kMaxSessionPerClient;
//   com.openexchange.sessiond.maxSessionPerClient
extern const Key<Millis> kSessionDefaultLifeTime;
//   com.openexchange.sessiond.sessionDefaultLifeTime
extern const Key<Millis> kSessionLongLifeTime;  // com.openexchange.sessiond.sessionLongLifeTime
extern const Key<Millis> kRandomTokenTimeout;  // com.openexchange.sessiond.randomTokenTimeout
extern const Key<bool> kSessiondAutologin;  // com.openexchange.sessiond.autologin
extern const Key<std::string> kSessiondEncryptionKey;  // com.openexchange.sessiond.encryptionKey
extern const Key<bool> kAsyncPutToSessionStorage;
//   com.openexchange.sessiond.asyncPutToSessionStorage
extern const Key<bool> kUseDistributedTokenSessions;
//   com.openexchange.sessiond.useDistributedTokenSessions
extern const Key<std::string> kRemoteParameterNames;
//   com.openexchange.sessiond.remoteParameterNames
extern const Key<bool> kRemoveFromSessionStorageOnTimeout;
//   com.openexchange.sessiond.removeFromSessionStorageOnTimeout
extern const Key<bool> kSessiondRedisEnabled;  // com.openexchange.sessiond.redis.enabled

}  // namespace ox::config::keys
