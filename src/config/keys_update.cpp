#include "config/keys_update.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::int64_t> kUpdateRefreshInterval(
    {.name = "com.openexchange.groupware.update.refreshIntervalMillis",
     .file = "updatetasks.properties", .defaultText = "20000", .min = -2147483648, .max = 3600000,
     .help = "Milliseconds between two signs of life of a running update; 0 or less means the "
     "default."});

const Key<std::int64_t> kUpdateLockedIdle(
    {.name = "com.openexchange.groupware.update.locked.idleMillis",
     .file = "updatetasks.properties", .defaultText = "60000", .min = 0, .max = 86400000,
     .reloadable = true,
     .help = "Milliseconds without a sign of life after which the lock of a blocking update counts "
     "as left behind and may be taken over. 0 = never. Must be greater than the refresh "
     "interval."});

const Key<std::int64_t> kUpdateBackgroundIdle(
    {.name = "com.openexchange.groupware.update.background.idleMillis",
     .file = "updatetasks.properties", .defaultText = "0", .min = 0, .max = 86400000,
     .reloadable = true,
     .help = "The same for background updates; 0 = never. The lock of a runner of this product, "
     "which is refreshed for certain, counts as left behind after locked.idleMillis in any case."});

const Key<std::int64_t> kUpdateTakeoverWait(
    {.name = "com.openexchange.groupware.update.takeoverWaitMillis",
     .file = "updatetasks.properties", .defaultText = "600000", .min = -1, .max = 604800000,
     .reloadable = true,
     .help = "Who takes the lock of a dead runner over may find its last statement still running in "
     "the database server: how long it is waited for before it is killed. 0 = killed at once, -1 = "
     "waited for without end."});

const Key<std::int64_t> kUpdateMasterRetry(
    {.name = "com.openexchange.groupware.update.masterRetryMillis",
     .file = "updatetasks.properties", .defaultText = "60000", .min = 0, .max = 86400000,
     .reloadable = true,
     .help = "How long a run asks again for a master that cannot be reached or is read-only (a "
     "fail-over), before it ends with UPD-0008."});

const Key<std::int64_t> kUpdateLockWait(
    {.name = "com.openexchange.groupware.update.lockWaitSeconds",
     .file = "updatetasks.properties", .defaultText = "5", .min = 1, .max = 3600,
     .reloadable = true,
     .help = "Seconds that a statement of an update task waits for a table that is in use. While "
     "it waits, every later reader of the table waits as well."});

const Key<std::int64_t> kUpdateLockTries(
    {.name = "com.openexchange.groupware.update.lockWaitTries",
     .file = "updatetasks.properties", .defaultText = "10", .min = 1, .max = 10000,
     .reloadable = true,
     .help = "How often such a statement is tried before the run ends and leaves the task "
     "pending."});

const Key<bool> kDenyImplicitUpdateOnContextLoad(
    {.name = "com.openexchange.groupware.update.denyImplicitUpdateOnContextLoad",
     .file = "updatetasks.properties", .defaultText = "false",
     .reloadable = true,
     .help = "What happens when a context of a schema with pending update tasks is used: false = "
     "they are started on this node, and where some are blocking the user is asked to try again "
     "later (CTX-0007); true = nothing is started, and where blocking ones are pending the user is "
     "refused (CTX-0013). True is advisable where many schemas exist."});

const Key<std::int64_t> kImplicitUpdatesPerDatabase(
    {.name = "com.openexchange.groupware.update.implicit.maxPerDatabase",
     .file = "updatetasks.properties", .defaultText = "2", .min = 1, .max = 64,
     .reloadable = true,
     .help = "How many updates that began by themselves run at a time on one database host, those of "
     "all nodes together; the others wait."});

const Key<bool> kAllowPermanentPush(
    {.name = "com.openexchange.push.allowPermanentPush",
     .file = "updatetasks.properties", .defaultText = "false", .reloadable = true,
     .help = "Known for one warning only: on a node of the original that runs update tasks it has "
     "to be false. This product has no push listeners."});

const Key<std::vector<std::string>> kExcludedUpdateTasks(
    {.name = "com.openexchange.groupware.update.excludedUpdateTasks",
     .file = "updatetasks.properties", .defaultText = "",
     .help = "Namespaces of update tasks that are never run by themselves, such as "
     "groupware.utf8mb4. Single tasks are listed in excludedupdatetasks.properties."});

}  // namespace ox::config::keys
