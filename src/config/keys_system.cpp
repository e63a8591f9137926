#include "config/keys_system.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::string> kServerName(
    {.name = "SERVER_NAME", .file = "system.properties", .defaultText = "local",
     .stockText = "oxserver", .allowed = "letters, digits, - _ and ., at most 255",
     .help = "Name of the logical server in the configuration database, as given to registerserver. "
     "All nodes of one cluster share it: it is not the name of a node.",
     .check = checkServerName});

const Key<std::int64_t> kShards(
    {.name = "com.openexchange.shards", .file = "system.properties", .defaultText = "0", .min = 0,
     .max = 256, .ours = true,
     .help = "Threads with an event loop that hold the data of the grid and serve HTTP; 0 = one per "
     "core."});

const Key<std::int64_t> kWorkers(
    {.name = "com.openexchange.workers", .file = "system.properties", .defaultText = "32",
     .min = 1, .max = 4096, .ours = true,
     .help = "Threads for work that waits: database queries and the handlers of requests."});

const Key<std::int64_t> kWorkersQueue(
    {.name = "com.openexchange.workers.queue", .file = "system.properties", .defaultText = "1000",
     .min = 1, .max = 1000000, .ours = true,
     .help = "How many jobs may wait for such a thread. When it is full further requests are refused"
     " with 503 at once."});

}  // namespace ox::config::keys
