// Settings of maps, as configured in etc/hazelcast/*.properties. Immutable after start.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ox::grid {

struct MapConfig {
  std::string name;
  int backupCount = 1;        // 0..6, synchronous
  int asyncBackupCount = 0;   // 0..6; together at most 6
  bool readBackupData = false;
  std::int64_t timeToLiveSeconds = 0;  // 0 = for ever
  std::int64_t maxIdleSeconds = 0;     // 0 = for ever
  std::vector<std::string> indexes;         // unordered attributes
  std::vector<std::string> orderedIndexes;
};

class MapConfigs {
 public:
  void add(MapConfig config) { byName_[config.name] = std::move(config); }
  // The map's own settings, or defaults (one sync backup) under its name.
  MapConfig of(const std::string& name) const {
    const auto it = byName_.find(name);
    if (it != byName_.end()) return it->second;
    MapConfig config;
    config.name = name;
    return config;
  }
  // Copies beside the owner that the partition table must aim at; at least 1 (the default map).
  int maxCopies() const {
    int most = 1;
    for (const auto& [_, c] : byName_)
      most = std::max(most, c.backupCount + c.asyncBackupCount);
    return std::min(most, 6);
  }
  const std::map<std::string, MapConfig>& all() const { return byName_; }

 private:
  std::map<std::string, MapConfig> byName_;
};

}  // namespace ox::grid
