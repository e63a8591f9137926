// The bundle: service "session-storage" on the grid, with its metrics.
#include <algorithm>

#include "attribute_record.h"
#include "base/log.h"
#include "config/config.h"
#include "config/keys_sessiond.h"
#include "grid_link.h"
#include "management/management.h"
#include "runtime/bundle.h"
#include "session_records.h"

namespace ox::sessionstorage {
namespace {

constexpr std::int64_t kLeastDefaultMillis = 6 * 60'000;  // as sessiond raises it
constexpr std::int64_t kLeastLongMillis = 60 * 60'000;

void metrics(const SessionRecords& storage, std::vector<management::MetricSample>& out) {
  const services::MapStats map = storage.mapStats();
  const auto both = [&](const char* name, const char* help, std::uint64_t owned,
                        std::uint64_t backup) {
    out.push_back({name, help, false, {{"type", "owned"}}, static_cast<double>(owned)});
    out.push_back({name, help, false, {{"type", "backup"}}, static_cast<double>(backup)});
  };
  both("appsuite_sessionstorage_sessions_total", "Sessions of the distributed map on this node",
       map.ownedEntryCount, map.backupEntryCount);
  both("appsuite_sessionstorage_memory_bytes", "Bytes of the distributed map on this node",
       map.ownedEntryMemoryCost, map.backupEntryMemoryCost);
  const StorageCounters c = storage.counters();
  const auto counter = [&](const char* operation, std::uint64_t value) {
    out.push_back({"ox_sessionstorage_operations_total", "Operations on the distributed map", true,
                   {{"operation", operation}}, static_cast<double>(value)});
  };
  counter("store", c.stored);
  counter("lookup", c.lookups);
  counter("notfound", c.notFound);
  counter("remove", c.removed);
  counter("touch", c.touched);
  counter("failure", c.failures);
  counter("attribute-read", c.attributeReads);
  counter("attribute-write", c.attributeWrites);
  out.push_back({"ox_sessionstorage_refused_ended_total",
                 "Stored sessions that were refused because they had ended", true, {},
                 static_cast<double>(c.refusedEnded)});
  out.push_back({"ox_sessionstorage_undecodable_total", "Stored sessions that cannot be decoded",
                 true, {}, static_cast<double>(c.undecodable)});
}

class StorageActivator final : public runtime::BundleActivator {
 public:
  Status start(runtime::BundleContext& context) override {
    namespace keys = config::keys;
    const auto config = context.need<config::ConfigService>("config")->current();
    const auto grid = context.need<services::Grid>("grid");
    const auto management = context.need<management::Management>("management");
    StorageSettings settings;
    settings.defaultLifeMillis =
        std::max(config->get(keys::kSessionDefaultLifeTime).value, kLeastDefaultMillis);
    settings.longLifeMillis = std::max({config->get(keys::kSessionLongLifeTime).value,
                                        kLeastLongMillis, settings.defaultLifeMillis});
    const std::string name = grid->discoverMapName(kSessionsPrefix, kSessionsMap);
    if (Status known = grid->registerProcessor(kAttributeProcessor, runAttributeCommand);
        !known.ok())
      return known;
    auto executor = grid->executor();
    if (!executor) return executor.error();
    const SessionRecords::Maps maps{grid->map(name), grid->map(kAttributesMap),
                                    grid->map(kEndingsMap)};
    storage_ = std::make_shared<SessionRecords>(
        maps, std::make_shared<ExecutorWire>(grid, *executor), settings,
        config->get(keys::kSessiondEncryptionKey), systemClock());
    if (Status parameters = readParameters(*config); !parameters.ok()) return parameters;
    config_ = context.need<config::ConfigService>("config");
    link_ = std::make_unique<GridLink>(grid, maps.endings, storage_);
    if (Status linked = link_->start(**executor); !linked.ok()) return linked;
    log::info("sessions are kept in the distributed map " + name);
    metrics_ = management->addMetrics(
        [storage = storage_](std::vector<management::MetricSample>& out) {
          metrics(*storage, out);
        });
    context.offer<services::SessionStorage>("session-storage", storage_);
    return {};
  }
  void stop() override {
    metrics_.reset();
    if (link_) link_->stop();
    link_.reset();
    storage_.reset();
    config_.reset();
  }
  void reload() override {
    if (!config_ || !storage_) return;
    if (const Status read = readParameters(*config_->current()); !read.ok())
      log::warn(read.error().toString() + "; the former names stay");
  }

 private:
  Status readParameters(const config::Config& config) {
    auto names = remoteNames(config.get(config::keys::kRemoteParameterNames));
    if (!names) return names.error();
    storage_->setRemoteNames(std::move(*names));
    return {};
  }

  std::shared_ptr<config::ConfigService> config_;
  std::unique_ptr<GridLink> link_;
  std::shared_ptr<SessionRecords> storage_;
  management::Registration metrics_;
};

}  // namespace
}  // namespace ox::sessionstorage

OX_BUNDLE("sessionstorage-hazelcast", OX_VERSION, "config,grid,management", "session-storage",
          ox::sessionstorage::StorageActivator)
