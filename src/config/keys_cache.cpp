#include "config/keys_cache.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kCacheEventInvalidation(
    {.name = "com.openexchange.caching.jcs.eventInvalidation", .file = "cache.properties",
     .defaultText = "true",
     .help = "Whether the removal of cached values is told to the other nodes through the grid. With"
     " false the lateral TCP auxiliary of cache.ccf would do it. Not there yet: with false "
     "no node hears of the changes of another."});

const Key<bool> kCacheRemoteInvalidationForPersonalFolders(
    {.name = "com.openexchange.caching.jcs.remoteInvalidationForPersonalFolders",
     .file = "cache.properties", .defaultText = "false",
     .help = "Whether changes of personal folders are told to the other nodes as well. Not there "
     "yet: this release has no folder cache, the value has no effect."});

const Key<std::int64_t> kCacheTopicCount(
    {.name = "com.openexchange.caching.events.ms.topicCount", .file = "cache.properties",
     .defaultText = "5", .min = -2147483648, .max = 1024,
     .help = "Over how many topics the cache events are spread; a value of 0 or less means the "
     "default. Must be the same on every node. Not there yet: one topic carries all events."});

}  // namespace ox::config::keys
