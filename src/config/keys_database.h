// Keys: configdb.properties (configuration database, pools, replication monitor).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::string> kReadDriverClass;  // readDriverClass
extern const Key<std::string> kReadUrl;  // readUrl
extern const Key<std::string> kReadProperty;  // readProperty.N
extern const Key<std::string> kWriteDriverClass;  // writeDriverClass
extern const Key<std::string> kWriteUrl;  // writeUrl
extern const Key<std::string> kWriteProperty;  // writeProperty.N
extern const Key<Millis> kPoolCleanerInterval;  // cleanerInterval
extern const Key<std::int64_t> kPoolMaxIdle;  // maxIdle
extern const Key<Millis> kPoolMaxIdleTime;  // maxIdleTime
extern const Key<std::int64_t> kPoolMaxActive;  // maxActive
extern const Key<Millis> kPoolMaxWait;  // maxWait
extern const Key<Millis> kPoolMaxLifeTime;  // maxLifeTime
extern const Key<std::string> kPoolExhaustedAction;  // exhaustedAction
extern const Key<bool> kPoolTestOnActivate;  // testOnActivate
extern const Key<bool> kPoolTestOnDeactivate;  // testOnDeactivate
extern const Key<bool> kPoolTestOnIdle;  // testOnIdle
extern const Key<bool> kPoolTestThreads;  // testThreads
extern const Key<bool> kReplicationMonitor;  // com.openexchange.database.replicationMonitor
// com.openexchange.database.replicationMonitor.settleTime
extern const Key<Millis> kReplicationSettle;
extern const Key<bool> kCheckWriteCons;  // com.openexchange.database.checkWriteCons
extern const Key<std::int64_t> kStatementTimeout;  // com.openexchange.database.statementTimeout
extern const Key<std::string> kDatabaseLockMech;  // com.openexchange.database.lockMech

}  // namespace ox::config::keys
