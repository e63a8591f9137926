// What the login bundle reads from server.properties, sessiond.properties, login.properties and
// tokenlogin.properties. Plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ox::config {
class Config;
}

namespace ox::login {

// Logins in a row; 0 = no limit.
struct RateSettings {
  std::int64_t failures = 50;  // of one address within the window
  std::int64_t windowMillis = 300'000;
  std::int64_t perName = 0;
  std::int64_t perNameMillis = 30'000;
};

struct LoginSettings {
  std::string hashSalt;
  std::vector<std::string> hashFields;    // further headers, names lower-case
  bool rememberHash = false;              // hash of the login instead of one per request
  std::int64_t cookieSeconds = 604'800;   // -1 = until the browser ends
  bool httpOnly = true;
  bool autologin = false;

  bool ipCheck = true;
  int maskV4 = 32;                        // bits of an address that must stay the same
  int maskV6 = 128;
  std::vector<std::string> ipWhitelist;   // clients that may change the address

  bool randomToken = false;
  std::int64_t randomTokenMillis = 30'000;
  bool insecure = false;                  // redirect and redeem move a session to another browser
  bool changeIpAllowed = true;            // then also to another address
  bool punyCode = false;                  // "xn--" names are tried a second time as they are written
  std::string loginLine = "$login $ip $client $c $u";  // forms of the lines in the log
  std::string logoutLine = "$c $u";
  bool httpAuthAutologin = false;
  std::string httpAuthClient = "open-xchange-appsuite";
  std::string migrationUrl;               // for users of contexts of another server; empty = none
  bool transientGuests = false;
  std::string shareClient = "open-xchange-appsuite";
  std::string uiWebPath = "/appsuite/";
  bool distributedTokens = false;
  bool appTokens = true;                  // token?action=acquireToken, login?action=redeemToken
  std::int64_t appTokenMillis = 300'000;
  std::map<std::string, bool> appSecrets; // secret -> may see the password

  RateSettings rate;
};
LoginSettings loginSettings(const config::Config& config);
// The lines "SECRET" or "SECRET; accessPassword=true" of the file tokenlogin-secrets; # begins a
// comment. No file = none.
std::map<std::string, bool> readAppSecrets(const std::string& path);

}  // namespace ox::login
