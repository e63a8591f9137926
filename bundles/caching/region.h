// Region: the values of one name, in shards that each have a mutex, a table and a list by last use.
//
// Threads:   any. A shard's mutex is held for one look-up or one value put, never while loading.
// Limits:    count and bytes hold for the region as a whole; what goes is the least recently used of
//            the shard that grew (then of the next ones). "Recently" is exact to kMoveMillis: a value
//            that is read all the time is moved in the list once in that time.
// Groups:    all keys of a group are in one shard, so that ending a group looks at that shard only.
// Loading:   a Flight per key; an invalidation takes it out of the table, so that its result is not kept
//            and whoever asks afterwards loads anew.
// Bounds:    keys and groups up to 65535 bytes, values up to kMaxValueBytes; larger ones are not kept.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "entry_index.h"
#include "region_settings.h"
#include "services/cache.h"

namespace ox::caching {

inline constexpr std::uint64_t kMaxValueBytes = 16 << 20;
inline constexpr std::int64_t kMoveMillis = 1'000;

class Region final : public services::CacheRegion {
 public:
  // Tells `publish` what its own invalidate(), invalidateGroup() and clear() were asked; empty = they
  // only remove here. `publish` is expected to come back through apply().
  using Publish = std::function<void(const services::CacheEvent&)>;

  // `trusted`: until when the values of a cluster-wide region may be read (steady milliseconds); null =
  // always. It outlives the region.
  Region(std::string name, const RegionSettings& settings, Clock& clock, Publish publish = {},
         const std::atomic<std::int64_t>* trusted = nullptr);
  ~Region() override;

  const std::string& name() const override { return name_; }
  std::optional<Bytes> get(BytesView key, BytesView group = {}) override;
  bool get(BytesView key, Bytes& value, BytesView group = {}) override;
  Result<Bytes> getOrLoad(BytesView key, const Loader& load, BytesView group = {}) override;
  bool put(BytesView key, BytesView value, BytesView group = {}) override;
  void invalidate(std::vector<services::CacheKey> keys, const std::string& group = {}) override;
  void invalidateGroup(const std::string& group) override;
  void clear() override;
  void forget(const std::vector<services::CacheKey>& keys, BytesView group = {}) override;
  void forgetGroup(BytesView group) override { removeGroup(group); }
  void forgetAll() override { removeAll(); }
  services::CacheStats stats() const override;

  // What an event of this region means here.
  void apply(const services::CacheEvent& event, bool fromRemote);
  void countSent() { ++sent_; }
  // Removes what is over; a slice of a shard at a time. `memoryIdle` too.
  void shrink();
  RegionSettings settings() const;
  void reconfigure(const RegionSettings& settings);
  // Nothing is kept any more (its service ends): every get is a miss.
  void close();

 private:
  struct Flight;
  struct Shard;
  enum class Why : std::uint8_t { kEvicted, kExpired, kInvalidated, kReplaced };
  struct Place {
    Shard& shard;
    std::uint32_t hash;
  };
  Place placeOf(BytesView group, BytesView key) const;
  Shard& shardOfGroup(BytesView group) const;
  bool read(BytesView key, BytesView group, Bytes& value, Shard& shard, std::uint32_t hash);
  bool store(Shard& shard, std::uint32_t hash, BytesView group, BytesView key, BytesView value);
  void remove(Shard& shard, Entry* entry, Why why);
  bool over(const Entry& entry, std::int64_t now, bool memoryIdle) const;
  bool full() const;
  void makeRoom(Shard& first);
  void removeKey(BytesView group, BytesView key);
  void removeGroup(BytesView group);
  void removeAll();

  const std::string name_;
  Clock& clock_;
  const Publish publish_;
  const std::atomic<std::int64_t>* const trusted_;
  std::unique_ptr<Shard[]> shards_;
  std::size_t shardCount_ = 1;  // a power of two
  // Read with each operation, changed by reconfigure() only.
  std::atomic<bool> clusterWide_{true}, eternal_{false}, shrinker_{true}, open_{true};
  std::atomic<std::uint64_t> maxObjects_{0}, maxBytes_{0};
  std::atomic<std::int64_t> maxLife_{-1}, idle_{-1}, memoryIdle_{-1}, shrinkerMillis_{0};
  std::atomic<std::uint64_t> count_{0}, bytes_{0}, sent_{0}, received_{0};
};

}  // namespace ox::caching
