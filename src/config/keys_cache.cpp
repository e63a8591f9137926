#include "config/keys_cache.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kCacheEventInvalidation(
    {.name = "com.openexchange.caching.jcs.eventInvalidation", .file = "cache.properties",
     .defaultText = "true",
     .help = "Whether the removal of cached values is told to the other nodes through the grid. With"
     " false the lateral TCP connection of cache.ccf does it, which needs no grid and is neither encrypted nor"
     " authenticated. All nodes must have the same value; a difference is logged."});

const Key<bool> kCacheRemoteInvalidationForPersonalFolders(
    {.name = "com.openexchange.caching.jcs.remoteInvalidationForPersonalFolders",
     .file = "cache.properties", .defaultText = "false",
     .help = "Whether changes of personal folders are told to the other nodes as well. Not there "
     "yet: this release has no folder cache, the value has no effect."});

const Key<std::int64_t> kCacheTopicCount(
    {.name = "com.openexchange.caching.events.ms.topicCount", .file = "cache.properties",
     .defaultText = "5", .min = -2147483648, .max = 1024,
     .help = "Over how many topics the cache events are spread; a value of 0 or less means the "
     "default. Must be the same on every node; a difference is logged, and costs whole caches "
     "where single values would do."});

const Key<Millis> kCacheEventDelay(
    {.name = "com.openexchange.caching.events.ms.delay", .file = "cache.properties",
     .defaultText = "0ms", .min = 0, .max = 5'000, .ours = true,
     .help = "How long a cache event waits for others that go along in one message. With 0 it is sent "
     "at once, and what is told meanwhile goes along in the next message."});

const Key<Millis> kCacheAnnounceInterval(
    {.name = "com.openexchange.caching.events.ms.announceInterval", .file = "cache.properties",
     .defaultText = "1s", .min = 100, .max = 60'000, .ours = true,
     .help = "How often a node says how many cache events it has sent, so that the others notice when "
     "the last ones were lost. At most a quarter of the repair interval counts."});

const Key<Millis> kCacheRepairInterval(
    {.name = "com.openexchange.caching.events.ms.repairInterval", .file = "cache.properties",
     .defaultText = "10s", .min = 1'000, .max = 600'000, .ours = true,
     .help = "How old a cached value can be that another node has changed since, whatever is lost "
     "between the nodes: a node that misses events or announcements of another clears its "
     "cluster-wide caches within this time."});

const Key<Millis> kCacheSilentNodeTimeout(
    {.name = "com.openexchange.caching.events.ms.silentNodeTimeout", .file = "cache.properties",
     .defaultText = "1h", .min = 0, .max = 2'592'000'000, .ours = true,
     .help = "How long a node that disappeared without a word may still be alive behind a broken "
     "network: until then the caches are cleared each half repair interval, unless a new "
     "process has taken its address. 0 = for ever."});

}  // namespace ox::config::keys
