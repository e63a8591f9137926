// Keys: cache.properties (caches and their invalidation across nodes).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<bool> kCacheEventInvalidation;  // com.openexchange.caching.jcs.eventInvalidation
extern const Key<bool> kCacheRemoteInvalidationForPersonalFolders;
//   com.openexchange.caching.jcs.remoteInvalidationForPersonalFolders
extern const Key<std::int64_t> kCacheTopicCount;  // com.openexchange.caching.events.ms.topicCount
extern const Key<Millis> kCacheEventDelay;        // com.openexchange.caching.events.ms.delay
extern const Key<Millis> kCacheAnnounceInterval;  // com.openexchange.caching.events.ms.announceInterval
extern const Key<Millis> kCacheRepairInterval;    // com.openexchange.caching.events.ms.repairInterval
extern const Key<Millis> kCacheSilentNodeTimeout;
//   com.openexchange.caching.events.ms.silentNodeTimeout

}  // namespace ox::config::keys
