// What the management port tells of databases: MBeans and metrics of the pools and of replication.
// Threads: any. Source of the original's names: com.openexchange.pooling (pools, Overview).
#pragma once

#include <vector>

#include "database_service.h"
#include "management/management.h"

namespace ox::database {

std::vector<management::MBean> databaseBeans(const DatabaseServiceImpl& database);
void databaseMetrics(const DatabaseServiceImpl& database,
                     std::vector<management::MetricSample>& out);

}  // namespace ox::database
