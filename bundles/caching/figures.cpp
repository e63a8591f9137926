#include "figures.h"

#include <string>

namespace ox::caching {

using management::Attributes;
using management::MBean;
using services::CacheStats;

namespace {

struct RegionFigure {
  const char* attribute;
  const char* metric;
  const char* help;
  bool counter;
  std::uint64_t CacheStats::*value;
};
constexpr RegionFigure kRegionFigures[] = {
    {"Count", "ox_cache_entries", "Values held", false, &CacheStats::count},
    {"Bytes", "ox_cache_bytes", "Bytes of keys, values and headers", false, &CacheStats::bytes},
    {"MaxObjects", nullptr, nullptr, false, &CacheStats::maxObjects},
    {"MaxBytes", nullptr, nullptr, false, &CacheStats::maxBytes},
    {"Hits", "ox_cache_hits_total", "Look-ups answered from the region", true, &CacheStats::hits},
    {"Misses", "ox_cache_misses_total", "Look-ups it had no value for", true, &CacheStats::misses},
    {"Puts", "ox_cache_puts_total", "Values put, loaded ones included", true, &CacheStats::puts},
    {"Loads", "ox_cache_loads_total", "Loaders run", true, &CacheStats::loads},
    {"MergedLoads", "ox_cache_merged_loads_total", "Callers that waited for another's loader", true,
     &CacheStats::merged},
    {"OvertakenLoads", "ox_cache_overtaken_loads_total",
     "Loads not kept because an invalidation came meanwhile", true, &CacheStats::overtaken},
    {"Evictions", "ox_cache_evictions_total", "Values that went for want of room", true,
     &CacheStats::evictions},
    {"Expired", "ox_cache_expired_total", "Values whose life or idle time was over", true,
     &CacheStats::expired},
    {"Invalidated", "ox_cache_invalidated_total", "Values removed by an invalidation", true,
     &CacheStats::invalidated},
    {"InvalidationsSent", "ox_cache_invalidations_sent_total", "Invalidations made on this node", true,
     &CacheStats::invalidationsSent},
    {"InvalidationsReceived", "ox_cache_invalidations_received_total",
     "Invalidations of other nodes", true, &CacheStats::invalidationsReceived},
};

struct EventFigure {
  const char* attribute;
  const char* metric;
  const char* help;
  std::uint64_t EventCounters::*value;
};
constexpr EventFigure kEventFigures[] = {
    {"OfferedEvents", "ox_cache_events_offered_total", "Events to be told to the other nodes",
     &EventCounters::offered},
    {"MergedEvents", "ox_cache_events_merged_total", "Events equal to one that was waiting",
     &EventCounters::merged},
    {"PublishedMessages", "ox_cache_events_published_total", "Messages sent to the other nodes",
     &EventCounters::published},
    {"FailedMessages", "ox_cache_events_publish_failures_total", "Messages that could not be sent",
     &EventCounters::publishFailures},
    {"ReceivedEvents", "ox_cache_events_received_total", "Events received from other nodes",
     &EventCounters::received},
    {"UndecodableMessages", "ox_cache_events_undecodable_total", "Messages that cannot be decoded",
     &EventCounters::undecodable},
    {"LostMessages", "ox_cache_events_lost_total", "Messages that were lost on the way here",
     &EventCounters::lostMessages},
    {"SilentNodes", "ox_cache_events_silent_total", "Times the announcements of a node were missed",
     &EventCounters::silent},
    {"Flushes", "ox_cache_clear_all_total", "Times all cluster-wide regions were cleared after a loss",
     &EventCounters::clearedAll},
};

}  // namespace

std::vector<MBean> cacheBeans(const std::vector<CacheStats>& regions, const EventCounters& events) {
  std::vector<MBean> beans;
  beans.push_back({"com.openexchange.caching:name=JCSCacheInformation", [regions] {
                     Attributes out;
                     for (const CacheStats& one : regions)
                       out.emplace_back("MemoryCacheCount." + one.region, std::to_string(one.count));
                     return out;
                   }});
  beans.push_back({"com.openexchange.caching:name=CacheEventInformation", [events] {
                     Attributes out;
                     for (const EventFigure& f : kEventFigures)
                       out.emplace_back(f.attribute, std::to_string(events.*f.value));
                     return out;
                   }});
  for (const CacheStats& one : regions)
    beans.push_back({"com.openexchange.caching:type=Region,name=" + one.region, [one] {
                       Attributes out{{"ClusterWide", one.clusterWide ? "true" : "false"}};
                       for (const RegionFigure& f : kRegionFigures)
                         out.emplace_back(f.attribute, std::to_string(one.*f.value));
                       return out;
                     }});
  return beans;
}

void cacheMetrics(const std::vector<CacheStats>& regions, const EventCounters& events,
                  std::vector<management::MetricSample>& out) {
  for (const EventFigure& f : kEventFigures)
    out.push_back({f.metric, f.help, true, {}, static_cast<double>(events.*f.value)});
  for (const RegionFigure& f : kRegionFigures) {
    if (f.metric == nullptr) continue;
    for (const CacheStats& one : regions)
      out.push_back({f.metric, f.help, f.counter, {{"region", one.region}},
                     static_cast<double>(one.*f.value)});
  }
}

}  // namespace ox::caching
