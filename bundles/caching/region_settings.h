// What cache.ccf says: the limits of each region and the lateral TCP connection.
//
// Purpose:  read cache.ccf and further *.ccf files of the etc directory into settings.
// Threads:  pure functions besides reading the files.
// Errors:   problems with file, line, key and what is allowed; kError stops the start.
// Bounds:   kMaxRegions; sizes of files as for .properties.
// Units:    seconds in the files, milliseconds here.
// Source:   the original's cache.ccf (JCS 1.3). `MaxBytes` is ours.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"

namespace ox::caching {

inline constexpr std::size_t kMaxRegions = 1'000;

struct RegionSettings {
  bool clusterWide = true;              // the mark LTCP
  std::uint64_t maxObjects = 1'000'000;  // 0 = no limit
  std::uint64_t maxBytes = 0;            // 0 = no limit
  std::int64_t maxLifeMillis = -1;       // -1 = never
  std::int64_t idleMillis = 1'800'000;   // -1 = never
  std::int64_t memoryIdleMillis = 3'600'000;  // looked at by the shrinker only
  bool eternal = false;                  // neither life nor idle time ends a value
  bool shrinker = true;
  std::int64_t shrinkerMillis = 60'000;
  bool operator==(const RegionSettings&) const = default;
};

// The auxiliary LTCP, used with eventInvalidation=false only.
struct LateralSettings {
  std::vector<std::string> servers;  // host:port
  std::string listenerHost;          // ours: address to listen on, "*" = all, empty = see bindAddress()
  std::uint16_t listenerPort = 57462;
  bool discovery = false;
  std::string discoveryAddress = "224.0.0.1";
  std::uint16_t discoveryPort = 6780;
  bool receive = true;
  // Settings of the original that have no effect here and were switched on.
  std::vector<std::string> ignored;
};

struct CacheSettings {
  RegionSettings defaults;
  std::map<std::string, RegionSettings> regions;
  LateralSettings lateral;
  std::vector<std::string> files;  // that were read, relative to the directory

  const RegionSettings& of(const std::string& region) const {
    const auto found = regions.find(region);
    return found == regions.end() ? defaults : found->second;
  }
};

// cache.ccf first, then the others by name: what those say of a region that is known already is a WARN.
CacheSettings readCacheSettings(const std::string& etc, std::vector<config::Problem>& problems);
// One file; `main` = cache.ccf, which alone may set jcs.default and jcs.auxiliary.
void readCacheFile(const std::string& file, const std::string& text, bool main,
                   CacheSettings& settings, std::vector<config::Problem>& problems);

}  // namespace ox::caching
