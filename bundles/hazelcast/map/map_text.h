// Map configurations as text, so that members can tell each other where theirs differ.
//
// Threads: plain values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "map/map_config.h"

namespace ox::grid {

inline constexpr std::size_t kMaxMapsTold = 512;
inline constexpr std::size_t kMaxMapFields = 32;
inline constexpr std::size_t kMaxMapText = 512;       // bytes of a name, key or value
inline constexpr std::size_t kMaxDifferencesTold = 16;

struct MapText {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;  // configuration key, value
  bool operator==(const MapText&) const = default;
};
using MapTexts = std::vector<MapText>;

// Sorted by name; names and fields as in the files below etc/hazelcast/.
MapTexts describeMaps(const MapConfigs& maps);
// The same for equal texts (FNV-1a); never 0 for describeMaps().
std::uint64_t digestOf(const MapTexts& maps);
std::uint64_t digest64(BytesView text);
// One sentence per difference, e.g. "map sessions-7: backupCount is 1 at A, 2 at B"; bounded.
std::vector<std::string> differences(const MapTexts& ours, const std::string& we,
                                     const MapTexts& theirs, const std::string& they);

}  // namespace ox::grid
