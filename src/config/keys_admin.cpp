#include "config/keys_admin.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::int64_t> kRmiPort(
    {.name = "com.openexchange.rmi.port", .file = "AdminDaemon.properties", .defaultText = "1099",
     .min = 0, .max = 65535,
     .help = "Port of the provisioning interface, which the administration tools use. It speaks HTTP"
     " with JSON. 0 takes any free port."});

const Key<std::string> kRmiHost(
    {.name = "com.openexchange.rmi.host", .file = "AdminDaemon.properties",
     .defaultText = "localhost", .allowed = "* or an IP address or a host name",
     .help = "Address on which the provisioning interface listens; * is every address.",
     .check = checkListenHost});

const Key<bool> kMasterAuthenticationDisabled(
    {.name = "MASTER_AUTHENTICATION_DISABLED", .file = "AdminDaemon.properties",
     .defaultText = "false",
     .help = "True: calls of the master administrator need no password. Only for closed test "
     "systems."});

const Key<bool> kContextAuthenticationDisabled(
    {.name = "CONTEXT_AUTHENTICATION_DISABLED", .file = "AdminDaemon.properties",
     .defaultText = "false",
     .help = "True: calls of a context administrator need no password. Only for closed test systems."});

const Key<bool> kMasterAccountOverride(
    {.name = "MASTER_ACCOUNT_OVERRIDE", .file = "AdminDaemon.properties", .defaultText = "false",
     .help = "Whether the master administrator may act inside any context."});

const Key<std::int64_t> kConcurrentJobs(
    {.name = "CONCURRENT_JOBS", .file = "AdminDaemon.properties", .defaultText = "2", .min = 1,
     .max = 256, .reloadable = true,
     .help = "How many contexts a node moves to another database side by side; further calls of "
     "movecontextdatabase wait for their turn. Update jobs have limits of their own."});

const Key<std::string> kDefaultPasswordMech(
    {.name = "DEFAULT_PASSWORD_MECHANISM", .file = "User.properties", .defaultText = "{BCRYPT}",
     .values = {"{BCRYPT}", "{SHA-512}", "{SHA-256}", "{SHA}", "{CRYPT}", "BCRYPT", "SHA-512",
                "SHA-256", "SHA", "CRYPT"},
     .reloadable = true,
     .help = "How the passwords of users are stored by createuser, createcontext and changeuser "
     "unless --passwordmech says otherwise. {SHA} and {CRYPT} are weak, they are replaced by "
     "{BCRYPT} at the next log-in."});

const Key<std::int64_t> kAverageContextSize(
    {.name = "AVERAGE_CONTEXT_SIZE", .file = "plugin/hosting.properties", .defaultText = "200",
     .min = 0, .max = 1000000000,
     .help = "Megabytes that a context is expected to need, by which a file store is chosen."});

const Key<std::int64_t> kContextsPerSchema(
    {.name = "CONTEXTS_PER_SCHEMA", .file = "plugin/hosting.properties", .defaultText = "1000",
     .min = 1, .max = 1000000,
     .help = "How many contexts are put into one schema before a further one is created."});

const Key<std::string> kLoginMappingRegexp(
    {.name = "CHECK_CONTEXT_LOGIN_MAPPING_REGEXP", .file = "plugin/hosting.properties",
     .defaultText = "[$%\\.+a-zA-Z0-9_-]", .allowed = "a character class such as [a-z0-9]",
     .help = "Characters that a login mapping of a context may consist of.",
     .check = checkCharacterClass});

const Key<std::string> kNewContextAccessCombination(
    {.name = "NEW_CONTEXT_DEFAULT_ACCESS_COMBINATION_NAME", .file = "plugin/hosting.properties",
     .defaultText = "webmail_plus",
     .help = "Module access of the users of a new context. Not there yet: this release has no module"
     " access."});

const Key<std::int64_t> kSchemaMoveMaintenanceReason(
    {.name = "SCHEMA_MOVE_MAINTENANCE_REASON", .file = "plugin/hosting.properties",
     .defaultText = "1431655765", .min = 0, .max = 4294967295,
     .help = "Reason with which disableschema disables the contexts of a schema, and "
     "movecontextdatabase a context while it moves."});

const Key<bool> kLockOnWriteContext(
    {.name = "LOCK_ON_WRITE_CONTEXT_INTO_PAYLOAD_DB", .file = "plugin/hosting.properties",
     .defaultText = "false", .reloadable = true,
     .help = "True: contexts are written into one database one after the other, each from its first "
     "row to its last. False: they are written side by side, and only the counters are kept one "
     "after the other."});

}  // namespace ox::config::keys
