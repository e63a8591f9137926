#include "config/keys_login.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kLoginHttpAuthAutologin(
    {.name = "com.openexchange.ajax.login.http-auth.autologin", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether login/httpAuth takes the session that the browser's cookies name, when there is one, "
     "and lets new ones outlive the browser (as staySignedIn)."});

const Key<std::string> kLoginHttpAuthClient(
    {.name = "com.openexchange.ajax.login.http-auth.client", .file = "login.properties",
     .defaultText = "open-xchange-appsuite", .allowed = "any text",
     .help = "Client name of sessions that begin with HTTP basic authentication (login/httpAuth), unless the "
     "request names one.",
     .check = checkNotBlank});

const Key<std::string> kLoginHttpAuthVersion(
    {.name = "com.openexchange.ajax.login.http-auth.version", .file = "login.properties",
     .defaultText = "HTTP Auth",
     .help = "Client version of such a login. Accepted and without effect: sessions keep no version."});

const Key<bool> kLoginInsecure(
    {.name = "com.openexchange.ajax.login.insecure", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether the actions redirect and redeem move a session to the browser that has its one-time "
     "token: address (see redirect.changeIPAllowed), client and cookies are that browser's then. False: "
     "the session stays with the browser whose clientIP, clientUserAgent and client the login named, "
     "and only that one may redeem it. No other check is switched off."});

const Key<bool> kLoginRedirectChangeIpAllowed(
    {.name = "com.openexchange.ajax.login.redirect.changeIPAllowed", .file = "login.properties",
     .defaultText = "true",
     .help = "Whether the redirect and redeem actions may move a session to another address. Only with "
     "com.openexchange.ajax.login.insecure=true."});

const Key<bool> kLoginRandomToken(
    {.name = "com.openexchange.ajax.login.randomToken", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether a login hands out a one-time token for the redirect and redeem actions."});

const Key<bool> kLoginCheckPunyCode(
    {.name = "com.openexchange.ajax.login.checkPunyCodeLoginString", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether a login whose name is unknown and holds a domain in its ASCII form (xn--...) is tried a "
     "second time with the domain in its own letters."});

const Key<std::string> kLoginFormatLogin(
    {.name = "com.openexchange.ajax.login.formatstring.login", .file = "login.properties",
     .defaultText = "$login $ip $auth $agent $client $c $u $s",
     .allowed = "text with $login, $ip, $auth, $agent, $client, $c, $u, $s",
     .help = "Form of the line that a login leaves in the log: $login, $ip, $auth (authentication id), "
     "$agent, $client, $c (context), $u (user), $s (session: never written, \"-\" stands for it); any "
     "other text stays as it is. Empty: the default form.",
     .check = checkLogForm});

const Key<std::string> kLoginFormatLogout(
    {.name = "com.openexchange.ajax.login.formatstring.logout", .file = "login.properties",
     .defaultText = "Logout $c $u $s",
     .allowed = "text with $login, $ip, $auth, $agent, $client, $c, $u, $s",
     .help = "Form of the line that a logout leaves in the log, with the same names.",
     .check = checkLogForm});

const Key<Millis> kLoginMaxRateTimeWindow(
    {.name = "com.openexchange.ajax.login.maxRateTimeWindow", .file = "login.properties",
     .defaultText = "300000", .min = 0, .max = 86400000, .reloadable = true,
     .help = "Window in which failed logins of one address are counted."});

const Key<std::int64_t> kLoginMaxRate(
    {.name = "com.openexchange.ajax.login.maxRate", .file = "login.properties",
     .defaultText = "50", .min = 0, .max = 1000000, .reloadable = true,
     .help = "How many failed logins are answered within the window before 429; 0 = no limit."});

const Key<bool> kLoginRateLimitEnabled(
    {.name = "com.openexchange.ajax.login.rateLimitByLogin.enabled", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether logins with one name are limited, successful ones too; more are answered with 429."});

const Key<std::int64_t> kLoginRateLimitPermits(
    {.name = "com.openexchange.ajax.login.rateLimitByLogin.permits", .file = "login.properties",
     .defaultText = "3", .min = 1, .max = 1000000,
     .help = "How many logins with one name are allowed in the time frame."});

const Key<std::int64_t> kLoginRateLimitSeconds(
    {.name = "com.openexchange.ajax.login.rateLimitByLogin.timeFrameInSeconds",
     .file = "login.properties", .defaultText = "30", .min = 1, .max = 86400,
     .help = "The time frame in seconds."});

}  // namespace ox::config::keys
