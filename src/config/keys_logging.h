// Keys: system.properties, logging.
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::string> kLogDirectory;  // com.openexchange.log.directory
extern const Key<std::int64_t> kLogMaxBytes;  // com.openexchange.log.maxBytes
extern const Key<std::int64_t> kLogFiles;  // com.openexchange.log.files
extern const Key<std::string> kLogLevel;  // com.openexchange.log.level

}  // namespace ox::config::keys
