// ContextService on configdb and the user schemas.
//
// Threads:  any blocking thread. Limits: kMaxCached entries per cache; a full one starts anew.
// Caching:  contexts, login infos and "no blocking update runs" are kept until an event of the
//           regions Context or OXDBPoolCache, at most kMaxAgeMillis, so that a lost event heals.
//           "Updating" is never kept: it is asked again each time.
// Timing:   authenticate() costs one bcrypt, whatever is wrong.
// Source:   the original's CachingContextStorage, LoginInfo and RdbUserStorage.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "database/schema_state.h"
#include "services/cache_events.h"
#include "services/context_gate.h"
#include "services/contexts.h"
#include "services/database.h"

namespace ox::database {

class ContextServiceImpl final : public services::ContextService, public services::ContextGate {
 public:
  static constexpr std::size_t kMaxCached = 200'000;
  static constexpr std::int64_t kMaxAgeMillis = 30'000;

  ContextServiceImpl(std::shared_ptr<services::DatabaseService> database, db::IdleLimits idle,
                     Clock& clock = systemClock());

  Result<std::int32_t> resolve(const std::string& loginInfo) override;
  Result<std::shared_ptr<const services::Context>> usable(std::int32_t contextId) override;
  Result<services::User> authenticate(std::int32_t contextId, const std::string& login,
                                      const std::string& password) override;
  Result<services::User> user(std::int32_t contextId, std::int32_t userId) override;

  std::shared_ptr<void> setLoadGate(services::LoadGate gate) override;

  void setIdleLimits(const db::IdleLimits& idle);
  // What the cache events of Context and OXDBPoolCache mean here.
  void onCacheEvent(const services::CacheEvent& event);
  void clear();

 private:
  struct CachedContext {
    std::shared_ptr<const services::Context> context;
    std::int64_t sinceMillis = 0;
  };
  struct CachedInfo {
    std::int32_t contextId = 0;
    std::int64_t sinceMillis = 0;
  };
  Result<std::shared_ptr<const services::Context>> load(std::int32_t contextId);
  Result<std::shared_ptr<const services::Context>> context(std::int32_t contextId);
  Status checkNotUpdating(const services::SchemaRef& schema);
  void rehash(const services::User& user, const std::string& password,
              const std::string& oldHash, const std::string& oldMechanism, bool hasSaltColumn);

  // The gate and those inside it; shared with its handle, which may outlive the service.
  struct Gate {
    std::shared_mutex inside;
    services::LoadGate ask;
  };
  Status askGate(const services::SchemaRef& schema, db::Connection& connection);

  const std::shared_ptr<services::DatabaseService> database_;
  Clock& clock_;
  std::mutex mutex_;
  db::IdleLimits idle_;
  std::uint64_t generation_ = 0;  // a load that began before an invalidation is not kept
  std::unordered_map<std::int32_t, CachedContext> contexts_;
  std::unordered_map<std::string, CachedInfo> infos_;
  std::shared_ptr<Gate> gate_;
  std::map<services::SchemaRef, std::int64_t> quietSchemas_;  // since when known as not updating
};

}  // namespace ox::database
