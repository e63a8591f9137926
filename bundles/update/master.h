// The master of a schema, with patience: the retry policy of everything that writes.
//
// Purpose:   a master that vanished or became read-only (fail-over) is asked again, at growing
//            intervals, for `retryMillis`; then the run ends with UPD-0008. Nothing is begun on a
//            read-only server, also not with an account that may write to it nevertheless, nor on a
//            Galera node that is outside of its cluster's primary component.
// Threads:   blocks its caller.
// Errors:    UPD-0008, or what `goOn` returns.
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/error.h"
#include "services/database.h"

namespace ox::update {

inline constexpr std::int64_t kFirstRetryMillis = 200;
inline constexpr std::int64_t kLongestRetryMillis = 5000;

struct MasterPolicy {
  std::int64_t retryMillis = 60000;
  std::function<Status()> goOn = [] { return Status(); };
};

Result<db::Lease> openMaster(services::DatabaseService& database, const services::SchemaRef& schema,
                             bool longRunning, const MasterPolicy& policy,
                             Clock& clock = systemClock());

// Nothing may be begun there: DB-0001, also when the account could write nevertheless.
Status writableMaster(db::Connection& connection, const std::string& schema);

// The last failure on this connection means: the master has gone or accepts no writes.
bool masterTrouble(const db::Connection& connection);

}  // namespace ox::update
