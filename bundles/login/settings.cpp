#include "settings.h"

#include "config/config.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "config/value.h"
#include "http/cookie_ttl.h"

namespace ox::login {

LoginSettings loginSettings(const config::Config& config) {
  namespace keys = config::keys;
  LoginSettings s;
  s.hashSalt = config.get(keys::kCookieHashSalt);
  for (const auto& field : config.get(keys::kCookieHashFields))
    s.hashFields.push_back(config::lowered(field));
  s.rememberHash = config::lowered(config.get(keys::kCookieHash)) == "remember";
  s.cookieSeconds = http::cookieTtlSeconds(config.get(keys::kCookieTtl));
  s.httpOnly = config.get(keys::kCookieHttpOnly);
  s.autologin = config.get(keys::kSessiondAutologin);
  return s;
}

}  // namespace ox::login
