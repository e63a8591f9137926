// Cached values of this node, in regions. Offered by bundles/caching as "cache".
//
// Purpose:   keep what a look-up gave until an event (services/cache_events.h), the region's limits or
//            its life times end it. Values stay on this node; only their removal is told to others.
// Threads:   any. No lock is held while a loader runs; a loader must not ask for its own key.
// Promise:   getOrLoad() never keeps what was loaded before an invalidation that arrived meanwhile, and
//            runs one loader at a time per key. A value is the bytes that were put, or nothing.
// Ownership: regions live as long as their pointers; after the end of the service they only load.
// Units:     bytes, milliseconds. Keys are those of cache events in flat form (flatKey).
// Source:    the original's cache.ccf; page docs/operating/caching.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "services/cache_events.h"

namespace ox::services {

// The form in which regions keep keys: the number, then each part with its length.
inline Bytes flatKey(std::int32_t id, std::initializer_list<std::string_view> parts = {}) {
  ByteWriter out;
  out.i32(id);
  for (const std::string_view part : parts) out.blob(part);
  return out.take();
}
inline Bytes flatKey(const CacheKey& key) {
  ByteWriter out;
  out.i32(key.id);
  for (const std::string& part : key.parts) out.blob(part);
  return out.take();
}

struct CacheStats {
  std::string region;
  bool clusterWide = false;        // removals are told to the other nodes
  std::uint64_t count = 0;         // values held now
  std::uint64_t bytes = 0;         // of keys, values and their headers
  std::uint64_t maxObjects = 0;    // 0 = no limit
  std::uint64_t maxBytes = 0;      // 0 = no limit
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t puts = 0;
  std::uint64_t loads = 0;         // loaders run
  std::uint64_t merged = 0;        // callers that waited for the loader of another
  std::uint64_t overtaken = 0;     // loads that were not kept because an invalidation came meanwhile
  std::uint64_t evictions = 0;     // for want of room
  std::uint64_t expired = 0;       // life or idle time over
  std::uint64_t invalidated = 0;   // values that an invalidation removed
  std::uint64_t invalidationsSent = 0;      // events of this node for the others
  std::uint64_t invalidationsReceived = 0;  // events of other nodes
};

class CacheRegion {
 public:
  using Loader = std::function<Result<Bytes>()>;
  virtual ~CacheRegion() = default;
  virtual const std::string& name() const = 0;

  // `group` empty = none; a key inside a group is another key than the same one without.
  // The second form writes into `value` (no allocation when it has the room) and says whether it did.
  virtual std::optional<Bytes> get(BytesView key, BytesView group = {}) = 0;
  virtual bool get(BytesView key, Bytes& value, BytesView group = {}) = 0;
  // The value, or what `load` gives; an error is the answer of all who wait and is not kept.
  virtual Result<Bytes> getOrLoad(BytesView key, const Loader& load, BytesView group = {}) = 0;
  // For a value that the caller has just made true. Not told to anybody. False = too large to keep.
  virtual bool put(BytesView key, BytesView value, BytesView group = {}) = 0;

  // Here, and on all nodes when the region is cluster-wide: the same as publishing the event.
  virtual void invalidate(std::vector<CacheKey> keys, const std::string& group = {}) = 0;
  virtual void invalidateGroup(const std::string& group) = 0;
  virtual void clear() = 0;
  // Here only: for what each node derives by itself from an event of another region.
  virtual void forget(const std::vector<CacheKey>& keys, BytesView group = {}) = 0;
  virtual void forgetGroup(BytesView group) = 0;
  virtual void forgetAll() = 0;
  virtual CacheStats stats() const = 0;
};

class CacheService {
 public:
  virtual ~CacheService() = default;
  // Same object for the same name; a region that no .ccf file names has the limits of jcs.default.
  virtual std::shared_ptr<CacheRegion> region(const std::string& name) = 0;
  virtual std::vector<CacheStats> stats() const = 0;  // by name
};

}  // namespace ox::services
