// Settings of maps, as configured in etc/hazelcast/*.properties. Immutable after start.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ox::grid {

// Which of two entries stays when two halves of a split unite. Source: the names and meaning of
// Hazelcast's merge policies (com.hazelcast.spi.merge).
enum class MergePolicy : std::uint8_t {
  kLatestUpdate,  // the newer version, removals included
  kPutIfAbsent,   // what is there stays
  kHigherHits,    // the one that was read more often
  kPassThrough,   // the joining side's
  kDiscard,       // nothing of the joining side
  kHigherNumber,  // ours: of two whole numbers the higher one, else as latest update
};
// By our names (latest-update, put-if-absent, higher-hits, pass-through, discard, higher-number) or the
// original's class names, with or without package, without regard to case.
std::optional<MergePolicy> mergePolicyByName(const std::string& name);
const char* nameOf(MergePolicy policy);

// Which entry goes when a map is full. Source: Hazelcast's EvictionPolicy and MaxSizePolicy.
enum class Eviction : std::uint8_t { kNone, kLru, kLfu };
enum class MaxSizePolicy : std::uint8_t {
  kPerNode,       // entries that a member owns
  kPerPartition,  // entries of one partition
  kUsedMemory,    // MiB of the entries that a member owns (USED_HEAP_SIZE)
};

struct MapConfig {
  std::string name;
  int backupCount = 1;        // 0..6, synchronous
  int asyncBackupCount = 0;   // 0..6; together at most 6
  bool readBackupData = false;
  std::int64_t timeToLiveSeconds = 0;  // 0 = for ever
  std::int64_t maxIdleSeconds = 0;     // 0 = for ever
  std::vector<std::string> indexes;         // unordered attributes
  std::vector<std::string> orderedIndexes;
  Eviction eviction = Eviction::kNone;
  MaxSizePolicy maxSizePolicy = MaxSizePolicy::kPerNode;
  std::int64_t maxSize = 0;    // entries, or MiB for kUsedMemory; 0 = no limit
  MergePolicy mergePolicy = MergePolicy::kLatestUpdate;
  int minClusterSize = 0;      // full members; 0 = off
  bool protectReads = true;    // below minClusterSize: reads are refused as well
  bool discardable = false;    // a cache: counts for the limit of its own, may be evicted
};

class MapConfigs {
 public:
  // A name with one '*' (any characters, also none) describes all maps that match it.
  void add(MapConfig config) {
    auto& where = config.name.find('*') == std::string::npos ? byName_ : patterns_;
    where[config.name] = std::move(config);
  }
  // The map's own settings; or those of the pattern that matches it with the most characters of its
  // own (of equal ones the longer beginning); or defaults (one sync backup). Under the map's name.
  // Source of the rule: Hazelcast's MatchingPointConfigPatternMatcher.
  MapConfig of(const std::string& name) const;
  // What applies to maps that are not described (hazelcast.xml: map name="default").
  void setDefaults(MapConfig config) { defaults_ = std::move(config); }
  const MapConfig& defaults() const { return defaults_; }
  // Copies beside the owner that the partition table must aim at; at least 1 (the default map).
  int maxCopies() const {
    int most = std::max(1, defaults_.backupCount + defaults_.asyncBackupCount);
    for (const auto* some : {&byName_, &patterns_})
      for (const auto& [_, c] : *some) most = std::max(most, c.backupCount + c.asyncBackupCount);
    return std::min(most, 6);
  }
  const std::map<std::string, MapConfig>& all() const { return byName_; }
  const std::map<std::string, MapConfig>& patterns() const { return patterns_; }

 private:
  MapConfig defaults_;
  std::map<std::string, MapConfig> byName_, patterns_;
};

}  // namespace ox::grid
