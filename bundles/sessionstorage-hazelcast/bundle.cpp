// The bundle: service "session-storage" on the grid, with its metrics.
#include <algorithm>

#include "base/log.h"
#include "config/config.h"
#include "config/keys_sessiond.h"
#include "management/management.h"
#include "runtime/bundle.h"
#include "storage.h"

namespace ox::sessionstorage {
namespace {

constexpr const char* kMapPrefix = "sessions-";
constexpr const char* kMapFallback = "sessions-7";
constexpr std::int64_t kLeastDefaultMillis = 6 * 60'000;  // as sessiond raises it
constexpr std::int64_t kLeastLongMillis = 60 * 60'000;

void metrics(const HazelcastSessionStorage& storage, std::vector<management::MetricSample>& out) {
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
    const std::string name = grid->discoverMapName(kMapPrefix, kMapFallback);
    storage_ = std::make_shared<HazelcastSessionStorage>(
        grid->map(name), settings, config->get(keys::kSessiondEncryptionKey));
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
    storage_.reset();
  }

 private:
  std::shared_ptr<HazelcastSessionStorage> storage_;
  management::Registration metrics_;
};

}  // namespace
}  // namespace ox::sessionstorage

OX_BUNDLE("sessionstorage-hazelcast", OX_VERSION, "config,grid,management", "session-storage",
          ox::sessionstorage::StorageActivator)
