// Keys: system.properties, basics of the process: server name, threads.
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::string> kServerName;  // SERVER_NAME
extern const Key<std::int64_t> kShards;  // com.openexchange.shards
extern const Key<std::int64_t> kWorkers;  // com.openexchange.workers
extern const Key<std::int64_t> kWorkersQueue;  // com.openexchange.workers.queue

}  // namespace ox::config::keys
