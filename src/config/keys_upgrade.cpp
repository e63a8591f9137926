#include "config/keys_upgrade.h"

namespace ox::config::keys {

const Key<std::int64_t> kUpgradeWindowMillis(
    {.name = "com.openexchange.hazelcast.upgrade.windowMillis", .file = "hazelcast.properties",
     .defaultText = "5", .min = 0, .max = 10000, .ours = true,
     .help = "How long an upgrade bridge (cluster-upgrade-from-...) waits for further changes before it "
     "contacts the older cluster: what comes meanwhile travels together."});

const Key<std::int64_t> kUpgradeAttempts(
    {.name = "com.openexchange.hazelcast.upgrade.attempts", .file = "hazelcast.properties",
     .defaultText = "3", .min = 1, .max = 100, .ours = true,
     .help = "How often an upgrade bridge tries to tell the older cluster of a change, with growing "
     "pauses of 0.5 s to 10 s between, before it logs what was not delivered and goes on."});

const Key<std::string> kUpgradeStateDirectory(
    {.name = "com.openexchange.hazelcast.upgrade.stateDirectory", .file = "hazelcast.properties",
     .type = "string", .defaultText = "/var/lib/open-xchange", .allowed = "a directory, or nothing",
     .ours = true,
     .help = "Where an upgrade bridge remembers when the older cluster last answered, so that a start "
     "long after the upgrade says that the bundle should go. Empty or not writable: not remembered."});

}  // namespace ox::config::keys
