// Cache invalidation across the cluster. Offered by bundles/caching as "cache-events".
//
// Threads:   any. Listeners run on a thread of the caching bundle and may block briefly.
// Promise:   publish() reaches local listeners before it returns, and those of the other members
//            through the cache event topic. Only invalidations travel, never values.
// Source of regions and keys: the original's cache.ccf and cache event model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/grid.h"

namespace ox::services {

inline constexpr const char* kRegionContext = "Context";         // keys: {cid, {}} or {-1, {login info}}
inline constexpr const char* kRegionSchema = "OXDBPoolCache";    // keys: {pool id, {schema name}}
inline constexpr const char* kRegionUser = "User";               // keys: {cid, {user id as text}}

// The original's CacheKey: an int (context id, or pool id in OXDBPoolCache) and strings.
struct CacheKey {
  std::int32_t id = -1;
  std::vector<std::string> parts;
  bool operator==(const CacheKey&) const = default;
};

struct CacheEvent {
  enum class Operation : std::uint8_t { kInvalidate, kInvalidateGroup, kClear };
  Operation operation = Operation::kInvalidate;
  std::string region;
  std::string group;
  std::vector<CacheKey> keys;
};
using CacheListener = std::function<void(const CacheEvent&, bool fromRemote)>;

class CacheEvents {
 public:
  virtual ~CacheEvents() = default;
  virtual void publish(const CacheEvent& event) = 0;
  // Empty region = all regions.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(const std::string& region,
                                                                CacheListener listener) = 0;
};

}  // namespace ox::services
