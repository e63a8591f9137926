#include "config/keys_sessiond.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::int64_t> kMaxSession(
    {.name = "com.openexchange.sessiond.maxSession", .file = "sessiond.properties",
     .defaultText = "50000", .min = 0, .max = 2147483647,
     .help = "How many sessions this node holds at most; 0 = no limit. A login beyond it gets "
     "SES-0002."});

const Key<std::int64_t> kMaxSessionPerUser(
    {.name = "com.openexchange.sessiond.maxSessionPerUser", .file = "sessiond.properties",
     .defaultText = "100", .min = -2147483648, .max = 2147483647,
     .help = "How many sessions one user may have in the cluster; 0 or less = no limit. A login beyond it gets "
     "SES-0007."});

const Key<std::int64_t> kMaxSessionPerGuest(
    {.name = "com.openexchange.sessiond.maxSessionPerGuest", .file = "sessiond.properties",
     .defaultText = "20", .min = -2147483648, .max = 2147483647,
     .help = "The same for guests who have a mail address (createuser --guestcreatedby)."});

const Key<std::int64_t> kMaxSessionPerLink(
    {.name = "com.openexchange.sessiond.maxSessionPerLink", .file = "sessiond.properties",
     .defaultText = "250", .min = -2147483648, .max = 2147483647,
     .help = "The same for guests without a mail address: all who use one share link together."});

const Key<std::int64_t> kMaxSessionPerClient(
    {.name = "com.openexchange.sessiond.maxSessionPerClient", .file = "sessiond.properties",
     .defaultText = "0", .min = -2147483648, .max = 2147483647,
     .help = "How many sessions one user may have with one client program; 0 or less = no limit."});

const Key<Millis> kSessionDefaultLifeTime(
    {.name = "com.openexchange.sessiond.sessionDefaultLifeTime", .file = "sessiond.properties",
     .defaultText = "3600000", .min = 0, .max = 31536000000,
     .help = "How long a session stays in the short-term container without a request. Raised to 6 "
     "minutes when smaller."});

const Key<Millis> kSessionLongLifeTime(
    {.name = "com.openexchange.sessiond.sessionLongLifeTime", .file = "sessiond.properties",
     .defaultText = "1W", .min = 0, .max = 315360000000,
     .help = "How long a session of a user who stays signed in lives in all. Raised to one hour when"
     " smaller."});

const Key<Millis> kRandomTokenTimeout(
    {.name = "com.openexchange.sessiond.randomTokenTimeout", .file = "sessiond.properties",
     .defaultText = "30000", .min = 0, .max = 86400000,
     .help = "How long the one-time token of a login (redirect, redeem) may be used; 0 = "
     "logins get none."});

const Key<bool> kSessiondAutologin(
    {.name = "com.openexchange.sessiond.autologin", .file = "sessiond.properties",
     .defaultText = "false",
     .help = "Whether a browser may come back into its session after a restart. With true the "
     "cookies outlive the browser (com.openexchange.cookie.ttl), and the action autologin is answered "
     "for sessions whose user does not stay signed in, too."});

const Key<std::string> kSessiondEncryptionKey(
    {.name = "com.openexchange.sessiond.encryptionKey", .file = "sessiond.properties",
     .defaultText = "auw948cz,spdfgibcsp9e8ri+<#qawcghgifzign7c6gnrns9oysoeivn",
     .allowed = "any text, the same on every node", .secret = true,
     .help = "Hides the passwords inside sessions that are stored in the grid. Must be equal on all "
     "nodes. The value delivered here is published and known to everybody: choose your own "
     "before the node joins others.",
     .check = checkNotBlank});

const Key<bool> kAsyncPutToSessionStorage(
    {.name = "com.openexchange.sessiond.asyncPutToSessionStorage", .file = "sessiond.properties",
     .defaultText = "true",
     .help = "How long a login waits until its session is stored in the grid. True: at most 3 seconds, "
     "then it is answered and storing goes on; false: at most 30 seconds. While the grid answers, "
     "a login survives the crash of its node either way."});

const Key<bool> kUseDistributedTokenSessions(
    {.name = "com.openexchange.sessiond.useDistributedTokenSessions",
     .file = "sessiond.properties", .defaultText = "false",
     .help = "Whether the tokens of tokenLogin and acquireToken may be used on every node (maps serverTokenMap "
     "and appTokenMap of the grid), or only on the node that made them, to which jsessionid leads."});

const Key<std::string> kRemoteParameterNames(
    {.name = "com.openexchange.sessiond.remoteParameterNames", .file = "sessiond.properties",
     .defaultText = "", .reloadable = true,
     .help = "Names of further session parameters, separated by colons, that are stored in the grid "
     "with the session, beside those of OAuth: text, whole numbers and booleans."});

const Key<bool> kRemoveFromSessionStorageOnTimeout(
    {.name = "com.openexchange.sessiond.removeFromSessionStorageOnTimeout",
     .file = "sessiond.properties", .defaultText = "false",
     .help = "Whether a session that ends on its node by time is removed from the grid at once "
     "instead of idling out there; not while another node holds it."});

const Key<bool> kSessiondRedisEnabled(
    {.name = "com.openexchange.sessiond.redis.enabled", .file = "sessiond.properties",
     .defaultText = "false", .allowed = "false",
     .help = "Sessions in Redis, in the newest release of the original. This release keeps them in the grid "
     "and does not start with true.",
     .check = checkRedis});

}  // namespace ox::config::keys
