// What the storages of this bundle share: their surroundings, ids, checks of names.
//
// Threads: functions run on blocking threads of the management ports; the storages keep no state.
// Errors:  ADM-* for what the caller did wrong, ADM-0106 for database troubles.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "services/cache_events.h"
#include "services/contexts.h"
#include "services/database.h"
#include "services/sessions.h"
#include "services/updates.h"

namespace ox::provisioning {

struct Surroundings {
  std::shared_ptr<config::ConfigService> config;
  std::shared_ptr<services::DatabaseService> database;
  std::shared_ptr<services::ContextService> contexts;
  std::shared_ptr<services::UpdateService> updates;    // may be null
  std::shared_ptr<services::CacheEvents> cacheEvents;  // may be null
  std::shared_ptr<services::SessionService> sessions;  // may be null
};

// Runs `work` again, after a short random wait, when the database rolled it back (DB-0006: a deadlock, a
// lock that was waited for too long, a conflict that a Galera node reports at COMMIT), at most
// kTransactionAttempts times. `work` begins anew and has no transaction open.
inline constexpr int kTransactionAttempts = 10;
Status repeatConflicts(const std::function<Status()>& work);
// Runs `work` in a transaction on a connection of `open`, again as above. Errors as storageError()
// gives them.
Status transact(const std::function<Result<db::Lease>()>& open, const std::string& doing,
                const std::function<Status(db::Connection&)>& work);

// Next number of configdb_sequence; inside the caller's transaction.
Result<std::int32_t> nextConfigId(db::Connection& config);
// The same in a transaction of its own, repeated: numbers of failed calls stay unused.
Result<std::int32_t> takeConfigId(db::Connection& config);
// Next number of a sequence_ table of the context; inside the caller's transaction.
Result<std::int32_t> nextId(db::Connection& schema, const std::string& sequence,
                            std::int32_t contextId);
// Tables that a configdb of the original may lack (its server adds them at its first start).
Status ensureCounterTables(db::Connection& config);

// Database error as the provisioning tools know it; ADM-* stay as they are.
Error storageError(const Error& error, const std::string& doing);
// "a*b?" as of the -s option -> an SQL LIKE pattern; empty = everything.
std::string likePattern(const std::string& pattern);
// Empty text = fine; else what is wrong with `value`.
std::string checkText(const std::string& what, const std::string& value, std::size_t maxBytes);
// 16 bytes, as the columns uuid hold them.
std::string randomUuid();
std::int64_t nowMillis();

}  // namespace ox::provisioning
