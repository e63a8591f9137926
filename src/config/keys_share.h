// Keys: share.properties (guests who come by a share link).
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<bool> kShareTransientSessions;   // com.openexchange.share.transientSessions
extern const Key<std::string> kShareClientName;   // com.openexchange.share.clientName

}  // namespace ox::config::keys
