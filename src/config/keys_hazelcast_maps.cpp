#include "config/keys_hazelcast.h"

#include "config/key_checks.h"

namespace ox::config::keys {

// What maps are like (files of etc/hazelcast/) and what all of them may take.

const Key<std::string> kMapName(
    {.name = "com.openexchange.hazelcast.configuration.map.name",
     .file = "hazelcast/sessions.properties", .defaultText = "", .stockText = "sessions-7",
     .allowed = "the name of a map",
     .help = "Name of the map that this file describes, with its version at the end. Every file "
     "below etc/hazelcast describes one structure. Nodes of one cluster must use the same "
     "name.",
     .check = checkNotBlank});

const Key<std::int64_t> kMapBackupCount(
    {.name = "com.openexchange.hazelcast.configuration.map.backupCount",
     .file = "hazelcast/sessions.properties", .defaultText = "1", .min = 0, .max = 6,
     .help = "Copies of every entry on other nodes that are written before a write is acknowledged. "
     "With N copies any N nodes may crash at once without loss."});

const Key<std::int64_t> kMapAsyncBackupCount(
    {.name = "com.openexchange.hazelcast.configuration.map.asyncBackupCount",
     .file = "hazelcast/sessions.properties", .defaultText = "0", .min = 0, .max = 6,
     .help = "Further copies that are written without waiting for them. Both counts together are at "
     "most 6."});

const Key<bool> kMapReadBackupData(
    {.name = "com.openexchange.hazelcast.configuration.map.readBackupData",
     .file = "hazelcast/sessions.properties", .defaultText = "false", .stockText = "true",
     .help = "Whether a node answers reads from a copy that it holds itself, which is faster and may"
     " see a write that is not acknowledged yet. Entries with an idle time are always read at their "
     "owner, because an access must count."});

const Key<std::int64_t> kMapTimeToLiveSeconds(
    {.name = "com.openexchange.hazelcast.configuration.map.timeToLiveSeconds",
     .file = "hazelcast/sessions.properties", .defaultText = "0", .min = 0, .max = 2147483647,
     .help = "Seconds after the last write until an entry vanishes; 0 = never."});

const Key<std::int64_t> kMapMaxIdleSeconds(
    {.name = "com.openexchange.hazelcast.configuration.map.maxIdleSeconds",
     .file = "hazelcast/sessions.properties", .defaultText = "0", .stockText = "640000", .min = 0,
     .max = 2147483647,
     .help = "Seconds without any access until an entry vanishes; 0 = never. For the sessions this "
     "must exceed com.openexchange.sessiond.sessionLongLifeTime, or sessions vanish from the"
     " cluster before their time."});

const Key<std::vector<std::string>> kMapIndexesAttributes(
    {.name = "com.openexchange.hazelcast.configuration.map.indexes.attributes",
     .file = "hazelcast/sessions.properties", .defaultText = "",
     .stockText = "altId, authId, contextId, userId",
     .help = "Fields of the stored objects by which entries are looked up: of Portable records and "
     "JSON objects, with dots for inner ones. Each costs about 64 bytes an entry."});

const Key<std::vector<std::string>> kMapIndexesOrderedAttributes(
    {.name = "com.openexchange.hazelcast.configuration.map.indexes.orderedAttributes",
     .file = "hazelcast/sessions.properties", .defaultText = "",
     .help = "Fields by which entries are looked up in ranges and by beginnings of texts; see "
     "indexes.attributes."});

const Key<std::string> kMapMergePolicy(
    {.name = "com.openexchange.hazelcast.configuration.map.mergePolicy",
     .file = "hazelcast/sessions.properties", .defaultText = "latest-update",
     .allowed = "latest-update, put-if-absent, higher-hits, pass-through, discard, higher-number",
     .ours = true,
     .help = "Which of two entries stays when two halves of a split cluster unite: the newer one, the "
     "one that is there, the one read more often, the one of the side that joins, nothing of "
     "that side, or the higher of two whole numbers. The class names of Hazelcast's policies are accepted as well."});

const Key<std::int64_t> kMapMinClusterSize(
    {.name = "com.openexchange.hazelcast.configuration.map.minClusterSize",
     .file = "hazelcast/sessions.properties", .defaultText = "0", .min = 0, .max = 1024,
     .ours = true,
     .help = "Full members (not lite ones) that the cluster must have for operations on this map; "
     "below it they fail with GRID-0011, so that only one side of a split works on it. 0 = off."});

const Key<std::string> kMapMinClusterSizeProtects(
    {.name = "com.openexchange.hazelcast.configuration.map.minClusterSizeProtects",
     .file = "hazelcast/sessions.properties", .defaultText = "read-write",
     .allowed = "write, read-write", .ours = true,
     .help = "Whether minClusterSize refuses writes only, or reads as well."});

const Key<bool> kMapDiscardable(
    {.name = "com.openexchange.hazelcast.configuration.map.discardable",
     .file = "hazelcast/sessions.properties", .defaultText = "false", .ours = true,
     .help = "Whether the map is a cache whose entries may be lost: it counts for "
     "com.openexchange.hazelcast.discardableMaxBytes and not for the limit of the others."});

const Key<std::int64_t> kGridMaxBytes(
    {.name = "com.openexchange.hazelcast.maxBytes", .file = "hazelcast.properties",
     .defaultText = "0", .min = 0, .max = INT64_MAX, .ours = true,
     .help = "Bytes that the entries held by this node may take (keys, values, overhead, tombstones, "
     "own and copies for others; about 1.1 times as much resident memory). At the limit writes that "
     "need more room fail with GRID-0010, which a repetition does not cure; nothing is evicted, and "
     "copies and moves between nodes go on. 0 = no limit."});

const Key<std::int64_t> kGridDiscardableMaxBytes(
    {.name = "com.openexchange.hazelcast.discardableMaxBytes", .file = "hazelcast.properties",
     .defaultText = "0", .min = 0, .max = INT64_MAX, .ours = true,
     .help = "The same for the entries of maps that are configured as discardable. 0 = no limit."});

const Key<std::int64_t> kGridTombstoneSeconds(
    {.name = "com.openexchange.hazelcast.tombstoneSeconds", .file = "hazelcast.properties",
     .defaultText = "3600", .min = 60, .max = 604800, .ours = true,
     .help = "How long removed and expired entries are remembered, so that a node that comes back "
     "after a split does not bring them back. Must be longer than a split lasts, and than the delays "
     "of merging."});
const Key<std::string> kMapEvictionPolicy(
    {.name = "com.openexchange.hazelcast.configuration.map.evictionPolicy",
     .file = "hazelcast/sessions.properties", .defaultText = "NONE",
     .values = {"NONE", "LRU", "LFU"},
     .help = "Which entries go when the map has more than maxSize: none, those used longest ago, or "
     "those used least often. For a map of sessions leave NONE: an evicted session is gone."});

const Key<std::string> kMapMaxSizePolicy(
    {.name = "com.openexchange.hazelcast.configuration.map.maxSizePolicy",
     .file = "hazelcast/sessions.properties", .defaultText = "PER_NODE",
     .values = {"PER_NODE", "PER_PARTITION", "USED_HEAP_SIZE"},
     .help = "What maxSize counts: the entries that a node owns, the entries of one partition, or "
     "the MiB of the entries that a node owns. Shares of a node are spread evenly over its "
     "partitions."});

const Key<std::int64_t> kMapMaxSize(
    {.name = "com.openexchange.hazelcast.configuration.map.maxSize",
     .file = "hazelcast/sessions.properties", .defaultText = "0", .min = 0, .max = 2147483647,
     .help = "Limit from which evictionPolicy works; 0 = none."});

}  // namespace ox::config::keys
