// cache.ccf: whatever the text is, problems are named and the settings stay within their ranges.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "region_settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ox::caching;
  CacheSettings settings;
  std::vector<ox::config::Problem> problems;
  const std::string text(reinterpret_cast<const char*>(data), size);
  readCacheFile("cache.ccf", text, size % 2 == 0, settings, problems);
  if (settings.regions.size() > kMaxRegions) std::abort();
  for (const auto& [name, region] : settings.regions)
    if (name.empty() || region.shrinkerMillis < 1000 || region.maxLifeMillis < -1 ||
        region.idleMillis < -1)
      std::abort();
  return 0;
}
