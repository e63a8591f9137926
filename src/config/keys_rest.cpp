#include "config/keys_rest.h"

namespace ox::config::keys {

const Key<std::string> kRestLogin(
    {.name = "com.openexchange.rest.services.basic-auth.login", .file = "server.properties",
     .defaultText = "",
     .help = "Name for the administrative REST interface (/admin/v1/close-sessions). The interface "
     "refuses everybody while name or password is empty."});

const Key<std::string> kRestPassword(
    {.name = "com.openexchange.rest.services.basic-auth.password", .file = "server.properties",
     .defaultText = "", .secret = true,
     .help = "Password for the administrative REST interface. Let no proxy in front pass /admin "
     "on."});

}  // namespace ox::config::keys
