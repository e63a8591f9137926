#include "settings.h"

#include <fstream>

#include "config/config.h"
#include "config/keys_http.h"
#include "config/keys_login.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "config/keys_share.h"
#include "config/value.h"
#include "http/address.h"
#include "http/cookie_ttl.h"

namespace ox::login {
namespace {

constexpr std::size_t kMaxSecrets = 1000;
constexpr int kBitsV4 = 32;
constexpr int kBitsV6 = 128;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::map<std::string, bool> readAppSecrets(const std::string& path) {
  std::map<std::string, bool> out;
  std::ifstream in(path);
  for (std::string line; out.size() < kMaxSecrets && std::getline(in, line);) {
    const auto semicolon = line.find(';');
    const std::string secret = trimmed(line.substr(0, semicolon));
    if (secret.empty() || secret[0] == '#') continue;
    bool password = false;
    if (semicolon != std::string::npos)
      password = config::lowered(trimmed(line.substr(semicolon + 1))) == "accesspassword=true";
    out[secret] = password;
  }
  return out;
}

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
  s.ipCheck = config.get(keys::kIpCheck);
  s.maskV4 = http::maskBits(config.get(keys::kIpMaskV4), kBitsV4);
  s.maskV6 = http::maskBits(config.get(keys::kIpMaskV6), kBitsV6);
  s.ipWhitelist = config.get(keys::kIpCheckWhitelist);
  s.randomToken = config.get(keys::kLoginRandomToken);
  s.randomTokenMillis = config.get(keys::kRandomTokenTimeout).value;
  s.insecure = config.get(keys::kLoginInsecure);
  s.punyCode = config.get(keys::kLoginCheckPunyCode);
  s.loginLine = config.get(keys::kLoginFormatLogin);
  s.logoutLine = config.get(keys::kLoginFormatLogout);
  if (s.loginLine.empty()) s.loginLine = keys::kLoginFormatLogin.info().defaultText;
  if (s.logoutLine.empty()) s.logoutLine = keys::kLoginFormatLogout.info().defaultText;
  s.httpAuthAutologin = config.get(keys::kLoginHttpAuthAutologin);
  s.httpAuthClient = config.get(keys::kLoginHttpAuthClient);
  s.migrationUrl = config.get(keys::kMigrationRedirectUrl);
  s.transientGuests = config.get(keys::kShareTransientSessions);
  s.shareClient = config.get(keys::kShareClientName);
  s.changeIpAllowed = config.get(keys::kLoginRedirectChangeIpAllowed);
  s.uiWebPath = config.get(keys::kUiWebPath);
  s.distributedTokens = config.get(keys::kUseDistributedTokenSessions);
  s.appTokens = config.get(keys::kAppTokens);
  s.appTokenMillis = config.get(keys::kAppTokenMaxIdle).value;
  s.appSecrets = readAppSecrets(config.directory() + "/tokenlogin-secrets");
  s.rate.failures = config.get(keys::kLoginMaxRate);
  s.rate.windowMillis = config.get(keys::kLoginMaxRateTimeWindow).value;
  if (config.get(keys::kLoginRateLimitEnabled)) s.rate.perName = config.get(keys::kLoginRateLimitPermits);
  s.rate.perNameMillis = config.get(keys::kLoginRateLimitSeconds) * 1000;
  return s;
}

}  // namespace ox::login
