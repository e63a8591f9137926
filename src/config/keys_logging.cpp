#include "config/keys_logging.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::string> kLogDirectory(
    {.name = "com.openexchange.log.directory", .file = "system.properties", .defaultText = "",
     .ours = true,
     .help = "Directory of open-xchange.log.0 and its predecessors; empty means standard error. An "
     "installed service uses /var/log/open-xchange."});

const Key<std::int64_t> kLogMaxBytes(
    {.name = "com.openexchange.log.maxBytes", .file = "system.properties",
     .defaultText = "2097152", .min = 4096, .max = 1099511627776, .ours = true,
     .help = "Size at which the log file is rolled over."});

const Key<std::int64_t> kLogFiles(
    {.name = "com.openexchange.log.files", .file = "system.properties", .defaultText = "99",
     .min = 1, .max = 10000, .ours = true,
     .help = "How many rolled files are kept."});

const Key<std::string> kLogLevel(
    {.name = "com.openexchange.log.level", .file = "system.properties", .defaultText = "INFO",
     .values = {"DEBUG", "INFO", "WARN", "ERROR"}, .reloadable = true, .ours = true,
     .help = "Least level that is written."});

}  // namespace ox::config::keys
