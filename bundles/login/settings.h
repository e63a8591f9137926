// What the login bundle reads from server.properties and sessiond.properties. Plain value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ox::config {
class Config;
}

namespace ox::login {

struct LoginSettings {
  std::string hashSalt;
  std::vector<std::string> hashFields;    // further headers, names lower-case
  bool rememberHash = false;              // hash of the login instead of one per request
  std::int64_t cookieSeconds = 604'800;   // -1 = until the browser ends
  bool httpOnly = true;
  bool autologin = false;
};
LoginSettings loginSettings(const config::Config& config);

}  // namespace ox::login
