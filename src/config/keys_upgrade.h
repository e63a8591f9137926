// Keys: hazelcast.properties, the upgrade bridge to an older cluster (ours).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::int64_t> kUpgradeWindowMillis;  // com.openexchange.hazelcast.upgrade.windowMillis
extern const Key<std::int64_t> kUpgradeAttempts;      // com.openexchange.hazelcast.upgrade.attempts
extern const Key<std::string> kUpgradeStateDirectory;
//   com.openexchange.hazelcast.upgrade.stateDirectory

}  // namespace ox::config::keys
