// The bundle: services "cache-events" and "cache", on the grid when there is one; figures; clearing.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/random.h"
#include "clearing.h"
#include "coarse_clock.h"
#include "config/check.h"
#include "config/config.h"
#include "config/keys_cache.h"
#include "events.h"
#include "figures.h"
#include "grid_transport.h"
#include "lateral_transport.h"
#include "regions.h"
#include "runtime/bundle.h"

namespace ox::caching {
namespace {

namespace keys = config::keys;

constexpr std::size_t kSenderBytes = 16;
constexpr std::int64_t kShrinkTickMillis = 1'000;
constexpr std::int64_t kDefaultTopics = 5;

// As soon as the module is loaded, so that --check-config shows the mistakes of *.ccf, too.
const std::shared_ptr<void> gCheck =
    config::registerCheck([](const config::Config& config, std::vector<config::Problem>& problems) {
      static_cast<void>(readCacheSettings(config.directory(), problems));
    });

EventSettings eventSettings(const config::Config& config) {
  EventSettings s;
  s.senderId = secureHex(kSenderBytes);
  s.process = secureRandom().next();
  const std::int64_t topics = config.get(keys::kCacheTopicCount);
  s.topicCount = static_cast<int>(topics > 0 ? topics : kDefaultTopics);
  s.delayMillis = config.get(keys::kCacheEventDelay).value;
  s.receiver.repairMillis = config.get(keys::kCacheRepairInterval).value;
  s.receiver.forgetMillis = config.get(keys::kCacheSilentNodeTimeout).value;
  s.announceMillis = std::min(config.get(keys::kCacheAnnounceInterval).value,
                              s.receiver.repairMillis / kTickPart);
  return s;
}

// Null = the events stay on this node.
Result<std::shared_ptr<EventTransport>> makeTransport(const config::Config& config,
                                                      const LateralSettings& lateral,
                                                      const std::shared_ptr<services::Grid>& grid,
                                                      EventSettings& events) {
  using Made = std::shared_ptr<EventTransport>;
  if (config.get(keys::kCacheEventInvalidation)) {
    if (grid) return Made(std::make_shared<GridTransport>(grid, events.topicCount));
    log::info("no grid: cache invalidations stay on this node");
    return Made();
  }
  for (const auto& key : lateral.ignored)
    log::warn(key + "=true has no effect: values are never fetched from other nodes, and only "
              "removals are sent");
  if (lateral.servers.empty() && !lateral.discovery)
    log::warn("cache invalidations reach no other node by themselves: cache.ccf names no TcpServers and "
              "UdpDiscoveryEnabled is not true");
  events.topicCount = 1;  // one connection keeps all in order
  auto made = LateralTransport::open(lateral, events.process,
                                     grid ? grid->topic(kAnnouncementTopic) : nullptr);
  if (!made) return made.error();
  log::info("cache invalidations go over the lateral TCP connection, port " +
            std::to_string((*made)->port()) + ", " + std::to_string(lateral.servers.size()) +
            " listed nodes");
  return Made(std::move(*made));
}

class CachingActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    const auto configuration = context.need<config::ConfigService>("config");
    const auto config = configuration->current();
    std::vector<config::Problem> problems;
    CacheSettings settings = readCacheSettings(config->directory(), problems);
    for (const auto& problem : problems)
      if (problem.severity == config::Problem::Severity::kError)
        return Error(Code::kInvalid, problem.toString());
    const LateralSettings lateral = settings.lateral;
    regions_ = std::make_shared<Regions>(std::move(settings), coarseClock());

    EventSettings events = eventSettings(*config);
    const auto grid = context.need<services::Grid>("grid");
    auto transport = makeTransport(*config, lateral, grid, events);
    if (!transport) return transport.error();
    events.clusterWide = [regions = regions_](const std::string& r) { return regions->clusterWide(r); };
    events.regions = [regions = regions_] { return regions->clusterWideRegions(); };
    events.trust = [regions = regions_](std::int64_t until) { regions->trustUntil(until); };
    events_ = std::make_shared<CacheEventsService>(*transport, std::move(events));
    regions_->attach(events_);
    shrinker_ = std::make_unique<Ticker>("cache-shrink", kShrinkTickMillis,
                                         [regions = regions_] { regions->tick(); });
    manage(*context.need<management::Management>("management"));
    reload_ = configuration->onReload(
        [regions = regions_](const config::Config&, const config::Config& after) {
          std::vector<config::Problem> found;
          CacheSettings again = readCacheSettings(after.directory(), found);
          if (std::any_of(found.begin(), found.end(), [](const auto& p) {
                return p.severity == config::Problem::Severity::kError;
              }))
            log::warn("the cache regions stay as they are: " + found.front().toString());
          else regions->reconfigure(std::move(again));
        });
    context.offer<services::CacheEvents>("cache-events", events_);
    context.offer<services::CacheService>("cache", regions_);
    return {};
  }

  void stop() override {
    reload_.reset();
    registrations_.clear();
    shrinker_.reset();
    if (events_) events_->stop();
    if (regions_) regions_->close();
    events_.reset();
    regions_.reset();
  }

 private:
  void manage(management::Management& management) {
    registrations_.push_back(management.addMBeans([events = events_, regions = regions_] {
      return cacheBeans(regions->stats(), events->counters());
    }));
    registrations_.push_back(
        management.addMetrics([events = events_, regions = regions_](
                                  std::vector<management::MetricSample>& out) {
          cacheMetrics(regions->stats(), events->counters(), out);
        }));
    registrations_.push_back(management.addOperation(
        "CacheService/clear", management::Access::kMaster,
        [events = events_, regions = regions_](const nlohmann::json& arguments,
                                               const management::Caller&) {
          return clearCaches(arguments, *regions, *events);
        }));
  }

  std::shared_ptr<Regions> regions_;
  std::shared_ptr<CacheEventsService> events_;
  std::unique_ptr<Ticker> shrinker_;
  std::shared_ptr<void> reload_;
  std::vector<management::Registration> registrations_;
};

}  // namespace
}  // namespace ox::caching

OX_BUNDLE("caching", OX_VERSION, "config,management,grid?", "cache-events,cache",
          ox::caching::CachingActivator)
