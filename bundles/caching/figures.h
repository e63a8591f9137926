// Figures of the caches: MBeans for showruntimestats -j, samples for /metrics.
// Threads: pure functions on what they are given.
#pragma once

#include <vector>

#include "events.h"
#include "management/management.h"
#include "services/cache.h"

namespace ox::caching {

// JCSCacheInformation (values per region, as the original's tool shows them), CacheEventInformation,
// and one bean per region with everything.
std::vector<management::MBean> cacheBeans(const std::vector<services::CacheStats>& regions,
                                          const EventCounters& events);
void cacheMetrics(const std::vector<services::CacheStats>& regions, const EventCounters& events,
                  std::vector<management::MetricSample>& out);

}  // namespace ox::caching
