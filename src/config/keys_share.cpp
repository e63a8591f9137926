#include "config/keys_share.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kShareTransientSessions(
    {.name = "com.openexchange.share.transientSessions", .file = "share.properties",
     .defaultText = "false",
     .help = "Whether sessions of guests are transient: on their node only, neither stored in the grid nor "
     "kept in the long-term container. They end with their node, and a balancer that leads a guest "
     "elsewhere ends them, too. True in the original; false here, so that a restart ends nobody's "
     "session."});

const Key<std::string> kShareClientName(
    {.name = "com.openexchange.share.clientName", .file = "share.properties",
     .defaultText = "open-xchange-appsuite", .allowed = "any text",
     .help = "Client name of the sessions that a share link opens.",
     .check = checkNotBlank});

}  // namespace ox::config::keys
