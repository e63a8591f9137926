// Keys: updatetasks.properties (update tasks of the database schemas).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::int64_t> kUpdateRefreshInterval;
//   com.openexchange.groupware.update.refreshIntervalMillis
extern const Key<std::int64_t> kUpdateLockedIdle;
//   com.openexchange.groupware.update.locked.idleMillis
extern const Key<std::int64_t> kUpdateBackgroundIdle;
//   com.openexchange.groupware.update.background.idleMillis
extern const Key<std::int64_t> kUpdateTakeoverWait;
//   com.openexchange.groupware.update.takeoverWaitMillis
extern const Key<std::int64_t> kUpdateMasterRetry;
//   com.openexchange.groupware.update.masterRetryMillis
extern const Key<std::int64_t> kUpdateLockWait;
//   com.openexchange.groupware.update.lockWaitSeconds
extern const Key<std::int64_t> kUpdateLockTries;
//   com.openexchange.groupware.update.lockWaitTries
extern const Key<bool> kDenyImplicitUpdateOnContextLoad;
//   com.openexchange.groupware.update.denyImplicitUpdateOnContextLoad
extern const Key<std::int64_t> kImplicitUpdatesPerDatabase;
//   com.openexchange.groupware.update.implicit.maxPerDatabase
extern const Key<bool> kAllowPermanentPush;
//   com.openexchange.push.allowPermanentPush
extern const Key<std::vector<std::string>> kExcludedUpdateTasks;
//   com.openexchange.groupware.update.excludedUpdateTasks

}  // namespace ox::config::keys
