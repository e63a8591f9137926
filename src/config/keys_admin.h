// Keys: AdminDaemon.properties, User.properties and plugin/hosting.properties (provisioning).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::int64_t> kRmiPort;  // com.openexchange.rmi.port
extern const Key<std::string> kRmiHost;  // com.openexchange.rmi.host
extern const Key<bool> kMasterAuthenticationDisabled;  // MASTER_AUTHENTICATION_DISABLED
extern const Key<bool> kContextAuthenticationDisabled;  // CONTEXT_AUTHENTICATION_DISABLED
extern const Key<bool> kMasterAccountOverride;  // MASTER_ACCOUNT_OVERRIDE
extern const Key<std::int64_t> kConcurrentJobs;  // CONCURRENT_JOBS
extern const Key<std::int64_t> kAverageContextSize;  // AVERAGE_CONTEXT_SIZE
extern const Key<std::int64_t> kContextsPerSchema;  // CONTEXTS_PER_SCHEMA
extern const Key<std::string> kLoginMappingRegexp;  // CHECK_CONTEXT_LOGIN_MAPPING_REGEXP
extern const Key<std::string> kNewContextAccessCombination;
//   NEW_CONTEXT_DEFAULT_ACCESS_COMBINATION_NAME
extern const Key<std::int64_t> kSchemaMoveMaintenanceReason;  // SCHEMA_MOVE_MAINTENANCE_REASON
extern const Key<std::string> kDefaultPasswordMech;  // DEFAULT_PASSWORD_MECHANISM
extern const Key<bool> kLockOnWriteContext;  // LOCK_ON_WRITE_CONTEXT_INTO_PAYLOAD_DB

}  // namespace ox::config::keys
