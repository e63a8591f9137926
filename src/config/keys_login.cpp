#include "config/keys_login.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kLoginHttpAuthAutologin(
    {.name = "com.openexchange.ajax.login.http-auth.autologin", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether the login by HTTP basic authentication may find an existing session. Not there"
     " yet: this login does not exist here."});

const Key<std::string> kLoginHttpAuthClient(
    {.name = "com.openexchange.ajax.login.http-auth.client", .file = "login.properties",
     .defaultText = "open-xchange-appsuite",
     .help = "Client name of such a login. Not there yet: see http-auth.autologin."});

const Key<std::string> kLoginHttpAuthVersion(
    {.name = "com.openexchange.ajax.login.http-auth.version", .file = "login.properties",
     .defaultText = "HTTP Auth",
     .help = "Client version of such a login. Not there yet: see http-auth.autologin."});

const Key<bool> kLoginInsecure(
    {.name = "com.openexchange.ajax.login.insecure", .file = "login.properties",
     .defaultText = "false",
     .help = "Switches checks of the login off in the original. Not there yet: accepted and without "
     "effect, the checks stay on."});

const Key<bool> kLoginRedirectChangeIpAllowed(
    {.name = "com.openexchange.ajax.login.redirect.changeIPAllowed", .file = "login.properties",
     .defaultText = "true",
     .help = "Whether the redirect and redeem actions may move a session to another address."});

const Key<bool> kLoginRandomToken(
    {.name = "com.openexchange.ajax.login.randomToken", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether a login hands out a one-time token for the redirect and redeem actions."});

const Key<bool> kLoginCheckPunyCode(
    {.name = "com.openexchange.ajax.login.checkPunyCodeLoginString", .file = "login.properties",
     .defaultText = "false",
     .help = "Whether a login name is converted to the ASCII form of its domain. Not there yet: "
     "accepted and without effect."});

const Key<std::string> kLoginFormatLogin(
    {.name = "com.openexchange.ajax.login.formatstring.login", .file = "login.properties",
     .defaultText = "$login $ip $auth $agent $client $c $u $s",
     .help = "Form of the line that a login leaves in the log. Not there yet: the form is fixed; the"
     " session id is never written."});

const Key<std::string> kLoginFormatLogout(
    {.name = "com.openexchange.ajax.login.formatstring.logout", .file = "login.properties",
     .defaultText = "Logout $c $u $s",
     .help = "Form of the line that a logout leaves in the log. Not there yet: the form is fixed."});

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
