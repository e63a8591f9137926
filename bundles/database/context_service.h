// ContextService on configdb and the user schemas.
//
// Threads:  any blocking thread.
// Caching:  contexts and login infos in region Context, users in region User (in a group per context, so
//           that an event of a context ends them, too), "no blocking update runs" in region OXDBPoolCache;
//           this at most kMaxAgeMillis, because nodes of an older cluster on the same database tell
//           nobody here. "Updating" is never kept: it is asked again each time. Without the bundle
//           caching every look-up asks the database.
// Timing:   authenticate() costs one bcrypt, whatever is wrong.
// Source:   the original's CachingContextStorage, LoginInfo and RdbUserStorage.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "base/clock.h"
#include "database/schema_state.h"
#include "database_service.h"
#include "services/cache.h"
#include "services/context_gate.h"
#include "services/contexts.h"
#include "services/database.h"

namespace ox::database {

class ContextServiceImpl final : public services::ContextService, public services::ContextGate {
 public:
  static constexpr std::int64_t kMaxAgeMillis = 30'000;

  // `cache` may be null.
  ContextServiceImpl(std::shared_ptr<DatabaseServiceImpl> database, db::IdleLimits idle,
                     services::CacheService* cache, Clock& clock = systemClock());

  Result<std::int32_t> resolve(const std::string& loginInfo) override;
  Result<std::shared_ptr<const services::Context>> usable(std::int32_t contextId) override;
  bool usableAtOnce(std::int32_t contextId) override;
  Result<services::User> authenticate(std::int32_t contextId, const std::string& login,
                                      const std::string& password) override;
  Status stillValid(const services::User& user, const std::string& password) override;
  Result<services::User> user(std::int32_t contextId, std::int32_t userId) override;

  Result<services::Guest> guest(std::int32_t contextId, std::int32_t userId,
                                const std::string& baseToken) override;

  std::shared_ptr<void> setLoadGate(services::LoadGate gate) override;

  void setIdleLimits(const db::IdleLimits& idle);
  // What the cache events of Context and User mean beyond the keys that they name.
  void onCacheEvent(const services::CacheEvent& event);

 private:
  Result<std::int64_t> loadContextId(const std::string& info);
  Result<services::Context> load(std::int32_t contextId);
  Result<services::User> loadUser(std::int32_t contextId, std::int32_t userId);
  Status checkNotUpdating(std::int32_t contextId, const services::SchemaRef& schema);
  void rehash(const services::User& user, const std::string& password,
              const std::string& oldHash, const std::string& oldMechanism, bool hasSaltColumn);

  // The gate and those inside it; shared with its handle, which may outlive the service.
  struct Gate {
    std::shared_mutex inside;
    services::LoadGate ask;
  };
  Status askGate(const services::SchemaRef& schema, db::Connection& connection);

  const std::shared_ptr<DatabaseServiceImpl> database_;
  Clock& clock_;
  std::mutex mutex_;
  db::IdleLimits idle_;
  std::shared_ptr<Gate> gate_;
  const std::shared_ptr<services::CacheRegion> contexts_, schemas_, users_;  // may be null
};

}  // namespace ox::database
