// Keys: cache.properties (caches and their invalidation across nodes).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<bool> kCacheEventInvalidation;  // com.openexchange.caching.jcs.eventInvalidation
extern const Key<bool> kCacheRemoteInvalidationForPersonalFolders;
//   com.openexchange.caching.jcs.remoteInvalidationForPersonalFolders
extern const Key<std::int64_t> kCacheTopicCount;  // com.openexchange.caching.events.ms.topicCount

}  // namespace ox::config::keys
