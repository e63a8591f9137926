// The bundle: service "cache-events", on the grid when there is one; metrics ox_cache_*.
#include "base/log.h"
#include "base/random.h"
#include "config/config.h"
#include "config/keys_cache.h"
#include "events.h"
#include "management/management.h"
#include "runtime/bundle.h"

namespace ox::caching {
namespace {

void metrics(const CacheEventsService& events, std::vector<management::MetricSample>& out) {
  const EventCounters c = events.counters();
  const auto add = [&](const char* name, const char* help, std::uint64_t value) {
    out.push_back({name, help, true, {}, static_cast<double>(value)});
  };
  add("ox_cache_events_published_total", "Invalidations sent to the other nodes", c.published);
  add("ox_cache_events_publish_failures_total", "Invalidations that could not be sent",
      c.publishFailures);
  add("ox_cache_events_received_total", "Invalidations received from other nodes", c.received);
  add("ox_cache_events_undecodable_total", "Messages of the topic that cannot be decoded",
      c.undecodable);
  add("ox_cache_events_lost_total", "Messages that were lost on the way here", c.lostMessages);
  add("ox_cache_clear_all_total", "Times all regions were cleared after a loss", c.clearedAll);
}

class CachingActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    static constexpr std::size_t kSenderBytes = 16;
    const auto config = context.need<config::ConfigService>("config")->current();
    const auto management = context.need<management::Management>("management");
    const auto grid = context.need<services::Grid>("grid");
    std::shared_ptr<services::GridTopic> topic;
    if (!config->get(config::keys::kCacheEventInvalidation))
      log::warn("com.openexchange.caching.jcs.eventInvalidation=false: the lateral TCP auxiliary is "
                "not there yet, caches of other nodes are NOT invalidated");
    else if (!grid) log::info("no grid: cache invalidations stay on this node");
    else topic = grid->topic(kTopicName);
    events_ = std::make_shared<CacheEventsService>(topic, secureHex(kSenderBytes));
    metrics_ = management->addMetrics(
        [events = events_](std::vector<management::MetricSample>& out) { metrics(*events, out); });
    context.offer<services::CacheEvents>("cache-events", events_);
    return {};
  }
  void stop() override {
    metrics_.reset();
    if (events_) events_->stop();
    events_.reset();
  }

 private:
  std::shared_ptr<CacheEventsService> events_;
  management::Registration metrics_;
};

}  // namespace
}  // namespace ox::caching

OX_BUNDLE("caching", OX_VERSION, "config,management,grid?", "cache-events",
          ox::caching::CachingActivator)
