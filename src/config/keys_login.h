// Keys: login.properties (the login interface).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<bool> kLoginHttpAuthAutologin;  // com.openexchange.ajax.login.http-auth.autologin
extern const Key<std::string> kLoginHttpAuthClient;  // com.openexchange.ajax.login.http-auth.client
extern const Key<std::string> kLoginHttpAuthVersion;
//   com.openexchange.ajax.login.http-auth.version
extern const Key<bool> kLoginInsecure;  // com.openexchange.ajax.login.insecure
extern const Key<bool> kLoginRedirectChangeIpAllowed;
//   com.openexchange.ajax.login.redirect.changeIPAllowed
extern const Key<bool> kLoginRandomToken;  // com.openexchange.ajax.login.randomToken
extern const Key<bool> kLoginCheckPunyCode;  // com.openexchange.ajax.login.checkPunyCodeLoginString
extern const Key<std::string> kLoginFormatLogin;  // com.openexchange.ajax.login.formatstring.login
extern const Key<std::string> kLoginFormatLogout;
//   com.openexchange.ajax.login.formatstring.logout
extern const Key<Millis> kLoginMaxRateTimeWindow;  // com.openexchange.ajax.login.maxRateTimeWindow
extern const Key<std::int64_t> kLoginMaxRate;  // com.openexchange.ajax.login.maxRate
extern const Key<bool> kLoginRateLimitEnabled;
//   com.openexchange.ajax.login.rateLimitByLogin.enabled
extern const Key<std::int64_t> kLoginRateLimitPermits;
//   com.openexchange.ajax.login.rateLimitByLogin.permits
extern const Key<std::int64_t> kLoginRateLimitSeconds;
//   com.openexchange.ajax.login.rateLimitByLogin.timeFrameInSeconds

}  // namespace ox::config::keys
