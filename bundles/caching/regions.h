// Regions: service "cache": all regions of this node, what events mean for them, and their shrinker.
//
// Threads:   any. tick() is called by one thread (the bundle's ticker).
// Ownership: regions stay until the end of the service; close() empties them, whoever still holds one
//            gets a miss for every get. Holders must be gone before the service is destroyed.
// Bounds:    kMaxRegions; further names share one region that keeps nothing.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "region.h"
#include "services/cache_events.h"

namespace ox::caching {

class Regions final : public services::CacheService {
 public:
  Regions(CacheSettings settings, Clock& clock = systemClock());
  ~Regions() override;

  std::shared_ptr<services::CacheRegion> region(const std::string& name) override;
  std::vector<services::CacheStats> stats() const override;

  // From here on events reach the regions, and what regions are asked to forget is published.
  void attach(const std::shared_ptr<services::CacheEvents>& events);
  // Ends that; regions are emptied and stay empty.
  void close();
  // Are removals of this region told to other nodes?
  bool clusterWide(const std::string& region) const;
  std::vector<std::string> clusterWideRegions() const;
  void reconfigure(CacheSettings settings);
  // Values of cluster-wide regions may be read until then; at first for ever.
  void trustUntil(std::int64_t steadyMillis) { trusted_ = steadyMillis; }
  // Shrinks the regions whose interval is over.
  void tick();

 private:
  struct Slot {
    std::shared_ptr<Region> region;
    std::int64_t shrunkMillis = 0;
  };
  std::shared_ptr<Region> make(const std::string& name);
  std::shared_ptr<Region> find(const std::string& name) const;
  void onEvent(const services::CacheEvent& event, bool fromRemote);
  void publish(const services::CacheEvent& event);

  Clock& clock_;
  mutable std::mutex mutex_;
  CacheSettings settings_;
  std::map<std::string, Slot> regions_;
  std::shared_ptr<Region> overflow_;
  bool closed_ = false;
  std::atomic<std::int64_t> trusted_{INT64_MAX};
  std::shared_ptr<services::CacheEvents> events_;
  std::unique_ptr<services::Subscription> subscription_;
};

}  // namespace ox::caching
