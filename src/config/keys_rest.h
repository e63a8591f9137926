// Keys: server.properties (who may use the administrative REST interface).
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::string> kRestLogin;     // com.openexchange.rest.services.basic-auth.login
extern const Key<std::string> kRestPassword;  // com.openexchange.rest.services.basic-auth.password

}  // namespace ox::config::keys
