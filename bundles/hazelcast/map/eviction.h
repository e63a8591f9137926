// Eviction: which records of a full store go, so that what was just written has room.
//
// Purpose:   a sample of kEvictionSample records is drawn and the least recently used one (LRU) or
//            the one least often used (LFU) goes, as Hazelcast does. Pure: randomness comes in.
// Threads:   one (its shard's).
// Bounds:    kMaxEvictionsPerWrite, so that a lowered limit is reached write by write.
#pragma once

#include "base/random.h"
#include "map/map_config.h"
#include "map/record_store.h"

namespace ox::grid {

inline constexpr std::size_t kEvictionSample = 15;
inline constexpr int kMaxEvictionsPerWrite = 4;

// Is the store above its share? `limit`: entries, or bytes for kUsedMemory; 0 = no limit.
bool overLimit(const RecordStore& store, MaxSizePolicy policy, std::uint64_t limit);
// Never `spared`; null when there is no other record.
Record* evictionVictim(const RecordStore& store, Eviction policy, const Record* spared,
                       Random& random);

}  // namespace ox::grid
