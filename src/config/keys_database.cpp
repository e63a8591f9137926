#include "config/keys_database.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::string> kReadDriverClass(
    {.name = "readDriverClass", .file = "configdb.properties",
     .defaultText = "com.mysql.jdbc.Driver",
     .help = "Name of the driver in the original. Accepted as it is; the connections here need none."});

const Key<std::string> kReadUrl(
    {.name = "readUrl", .file = "configdb.properties",
     .defaultText = "jdbc:mysql://localhost/configdb",
     .allowed = "jdbc:mysql://host[:port]/schema or jdbc:mariadb://host[:port]/schema",
     .reloadable = true,
     .help = "Where the configuration database is read, in the form of the original.",
     .check = checkJdbcUrl});

const Key<std::string> kReadProperty(
    {.name = "readProperty.N", .file = "configdb.properties", .defaultText = "",
     .stockText = "readProperty.1=user=openexchange\nreadProperty.2=password=secret",
     .allowed = "name=value", .reloadable = true, .secret = true,
     .help = "Properties of the reading connections, numbered, each one name=value: user, password, "
     "connectTimeout, socketTimeout and the like. The delivered password is published: "
     "choose your own.",
     .check = checkNameValue});

const Key<std::string> kWriteDriverClass(
    {.name = "writeDriverClass", .file = "configdb.properties",
     .defaultText = "com.mysql.jdbc.Driver",
     .help = "As readDriverClass."});

const Key<std::string> kWriteUrl(
    {.name = "writeUrl", .file = "configdb.properties",
     .defaultText = "jdbc:mysql://localhost/configdb",
     .allowed = "jdbc:mysql://host[:port]/schema or jdbc:mariadb://host[:port]/schema",
     .reloadable = true,
     .help = "Where the configuration database is written: the master.",
     .check = checkJdbcUrl});

const Key<std::string> kWriteProperty(
    {.name = "writeProperty.N", .file = "configdb.properties", .defaultText = "",
     .stockText = "writeProperty.1=user=openexchange\nwriteProperty.2=password=secret",
     .allowed = "name=value", .reloadable = true, .secret = true,
     .help = "As readProperty.N, for the writing connections.",
     .check = checkNameValue});

const Key<Millis> kPoolCleanerInterval(
    {.name = "cleanerInterval", .file = "configdb.properties", .defaultText = "10000", .min = 100,
     .max = 86400000,
     .reloadable = true,
     .help = "How often idle connections are looked through."});

const Key<std::int64_t> kPoolMaxIdle(
    {.name = "maxIdle", .file = "configdb.properties", .defaultText = "-1", .min = -1,
     .max = 100000,
     .reloadable = true,
     .help = "How many unused connections a pool keeps; -1 = no limit."});

const Key<Millis> kPoolMaxIdleTime(
    {.name = "maxIdleTime", .file = "configdb.properties", .defaultText = "60000", .min = 100,
     .max = 86400000,
     .reloadable = true,
     .help = "After which time an unused connection is closed."});

const Key<std::int64_t> kPoolMaxActive(
    {.name = "maxActive", .file = "configdb.properties", .defaultText = "100", .min = 1,
     .max = 100000,
     .reloadable = true,
     .help = "Connections of one pool. The value in the row of a registered database takes "
     "precedence for that database."});

const Key<Millis> kPoolMaxWait(
    {.name = "maxWait", .file = "configdb.properties", .defaultText = "10000", .min = 0,
     .max = 3600000,
     .reloadable = true,
     .help = "How long a thread waits for a connection of an exhausted pool before it fails."});

const Key<Millis> kPoolMaxLifeTime(
    {.name = "maxLifeTime", .file = "configdb.properties", .defaultText = "600000", .min = 1000,
     .max = 31536000000,
     .reloadable = true,
     .help = "After which time a connection is replaced even though it is used."});

const Key<std::string> kPoolExhaustedAction(
    {.name = "exhaustedAction", .file = "configdb.properties", .defaultText = "BLOCK",
     .values = {"BLOCK", "FAIL", "GROW"},
     .reloadable = true,
     .help = "What happens when all connections of a pool are in use: wait, fail at once, or open "
     "more."});

const Key<bool> kPoolTestOnActivate(
    {.name = "testOnActivate", .file = "configdb.properties", .defaultText = "false",
     .reloadable = true,
     .help = "Whether a connection is tested each time it is taken."});

const Key<bool> kPoolTestOnDeactivate(
    {.name = "testOnDeactivate", .file = "configdb.properties", .defaultText = "true",
     .reloadable = true,
     .help = "Whether a connection that is given back inside a transaction is told with a warning. The "
     "transaction is rolled back in any case."});

const Key<bool> kPoolTestOnIdle(
    {.name = "testOnIdle", .file = "configdb.properties", .defaultText = "false",
     .reloadable = true,
     .help = "Whether unused connections are tested by the cleaner."});

const Key<bool> kPoolTestThreads(
    {.name = "testThreads", .file = "configdb.properties", .defaultText = "false",
     .help = "A slow debugging aid of the original. Accepted and without effect."});

const Key<bool> kReplicationMonitor(
    {.name = "com.openexchange.database.replicationMonitor", .file = "configdb.properties",
     .defaultText = "true",
     .reloadable = true,
     .help = "Whether a read of a context goes to the master as long as the replica lacks a change that any "
     "node has answered. The nodes tell each other through the grid. Switch it off where replicas cannot be "
     "behind: Galera with wsrep_sync_wait, or reads and writes at one server."});

const Key<Millis> kReplicationSettle(
    {.name = "com.openexchange.database.replicationMonitor.settleTime",
     .file = "configdb.properties", .defaultText = "60000", .min = 1000, .max = 3600000,
     .reloadable = true, .ours = true,
     .help = "After nodes have come, gone or were missing, masters are asked how far a replica must be, instead "
     "of the grid, for so many milliseconds. Must be longer than hazelcast.max.no.heartbeat.seconds and than "
     "the merge of two halves of a split cluster takes."});

const Key<bool> kCheckWriteCons(
    {.name = "com.openexchange.database.checkWriteCons", .file = "configdb.properties",
     .defaultText = "false",
     .reloadable = true,
     .help = "Whether a writing connection of a context that changed nothing is reported as a warning."});

const Key<std::int64_t> kStatementTimeout(
    {.name = "com.openexchange.database.statementTimeout", .file = "configdb.properties",
     .defaultText = "-1", .min = -1, .max = 86400000,
     .reloadable = true, .ours = true,
     .help = "Milliseconds after which the server itself ends a statement; -1 = the socketTimeout of "
     "the connection, so that nothing goes on that nobody waits for, 0 = never. Update tasks and "
     "moves of contexts have no limit. MariaDB limits every statement, MySQL only SELECT."});

const Key<std::string> kDatabaseLockMech(
    {.name = "com.openexchange.database.lockMech", .file = "configdb.properties",
     .defaultText = "",
     .help = "How the original locks while it assigns a schema. Accepted; row locks are always used "
     "here."});

}  // namespace ox::config::keys
