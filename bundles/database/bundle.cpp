// The bundle: services "database" and "contexts", their invalidation, figures and readiness.
#include <memory>
#include <string>
#include <utility>

#include "base/log.h"
#include "config/keys_update.h"
#include "context_service.h"
#include "database_service.h"
#include "figures.h"
#include "management/management.h"
#include "position_link.h"
#include "runtime/bundle.h"

namespace ox::database {
namespace {

db::IdleLimits idleLimits(const config::Config& config) {
  return {config.get(config::keys::kUpdateLockedIdle),
          config.get(config::keys::kUpdateBackgroundIdle)};
}

constexpr const char* kRegions[] = {services::kRegionContext, services::kRegionSchema,
                                    services::kRegionUser};

class DatabaseActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    auto configuration = context.need<config::ConfigService>("config");
    if (!configuration) return Error(Code::kUnavailable, "service config is not offered");
    const auto cache = context.need<services::CacheService>("cache");
    if (!cache) log::info("no bundle offers cache: every look-up asks the database");
    const auto grid = context.need<services::Grid>("grid");
    if (!grid) log::info("no grid: masters are asked how far their replicas must be");
    auto link = PositionLink::make(grid, {});
    if (!link) return link.error();
    link_ = std::move(*link);
    auto made = DatabaseServiceImpl::make(*configuration->current(),
                                          cache ? cache->region(services::kRegionSchema) : nullptr,
                                          link_->positions());
    if (!made) return made.error();
    database_ = *made;
    contexts_ = std::make_shared<ContextServiceImpl>(
        database_, idleLimits(*configuration->current()), cache.get());
    if (cache)
      database_->onMasterBack([cache] {
        for (const char* region : kRegions) cache->region(region)->forgetAll();
      });
    static_cast<void>(database_->probe());  // a WARN when configdb is away; it heals later
    reload_ = configuration->onReload([database = database_, contexts = contexts_, cache](
                                          const config::Config&, const config::Config& after) {
      if (auto set = database->reconfigure(after); !set)
        log::warn("database settings were not taken over: " + set.error().message);
      contexts->setIdleLimits(idleLimits(after));
      if (!cache) return;
      for (const char* region : kRegions) cache->region(region)->forgetAll();
    });
    if (auto events = context.need<services::CacheEvents>("cache-events")) subscribe(*events);
    if (auto management = context.need<management::Management>("management")) manage(*management);
    context.offer<services::DatabaseService>("database", database_);
    context.offer<services::ContextService>("contexts", contexts_);
    context.offer<services::ContextGate>("context-gate", contexts_);
    return {};
  }

  void stop() override {
    registrations_.clear();
    subscriptions_.clear();
    reload_.reset();
    if (link_) link_->stop();
    contexts_.reset();
    database_.reset();
    link_.reset();
  }

 private:
  void subscribe(services::CacheEvents& events) {
    for (const char* region : kRegions)
      subscriptions_.push_back(events.subscribe(
          region, [contexts = contexts_, database = database_](const services::CacheEvent& event,
                                                               bool) {
            if (event.operation != services::CacheEvent::Operation::kInvalidate &&
                event.region == services::kRegionSchema)
              database->recheckPools();
            contexts->onCacheEvent(event);
          }));
  }

  void manage(management::Management& management) {
    registrations_.push_back(management.addReadiness(
        "configdb", [database = database_](std::string& why) { return database->healthy(why); }));
    registrations_.push_back(
        management.addMBeans([database = database_] { return databaseBeans(*database); }));
    registrations_.push_back(
        management.addMetrics([database = database_](std::vector<management::MetricSample>& out) {
          databaseMetrics(*database, out);
        }));
  }

  std::unique_ptr<PositionLink> link_;
  std::shared_ptr<DatabaseServiceImpl> database_;
  std::shared_ptr<ContextServiceImpl> contexts_;
  std::shared_ptr<void> reload_;
  std::vector<std::unique_ptr<services::Subscription>> subscriptions_;
  std::vector<management::Registration> registrations_;
};

}  // namespace
}  // namespace ox::database

OX_BUNDLE("database", OX_VERSION, "config,grid?,management?,cache-events?,cache?",
          "database,contexts,context-gate",
          ox::database::DatabaseActivator)
