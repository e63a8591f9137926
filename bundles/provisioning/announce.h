// Tells the cluster what provisioning changed: cache invalidations and the end of sessions.
//
// Threads: any blocking thread, after the change was committed and without a lent connection.
// Errors:  none are returned: the change stands. Sessions that cannot be ended now are ended by the
//          session service later (WARN).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage.h"

namespace ox::provisioning {

// Contexts and the log-in infos that lead to them.
void announceContexts(const Surroundings& around, const std::vector<std::int32_t>& ids,
                      const std::vector<std::string>& infos = {});
void announceUsers(const Surroundings& around, std::int32_t contextId,
                   const std::vector<std::int32_t>& userIds);
void announceUser(const Surroundings& around, std::int32_t contextId, std::int32_t userId);
// Rows of db_pool or db_cluster: every node looks at them again.
void announceDatabases(const Surroundings& around);

// On all nodes; number of sessions that ended.
std::uint64_t endSessions(const Surroundings& around, const services::CloseRequest& request);

}  // namespace ox::provisioning
