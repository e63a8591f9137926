#include "session_values.h"

#include <cstdio>
#include <string>

#include "base/random.h"

namespace ox::bench {

services::Session sessionOf(std::uint64_t n) {
  SeededRandom random(n);
  const auto hex = [&](std::size_t digits) {
    std::string text;
    while (text.size() < digits) {
      char part[17];
      std::snprintf(part, sizeof part, "%016llx", static_cast<unsigned long long>(random.next()));
      text += part;
    }
    text.resize(digits);
    return text;
  };
  services::Session s;
  s.contextId = static_cast<std::int32_t>(n / kUsersPerContext + 1);
  s.userId = static_cast<std::int32_t>(n % kUsersPerContext + 3);
  s.loginName = "user" + std::to_string(s.userId);
  s.login = s.loginName + "@context" + std::to_string(s.contextId) + ".example.com";
  s.userLogin = s.loginName;
  s.password = "secret-" + hex(9);
  s.sessionId = hex(32);
  s.secret = hex(32);
  s.randomToken = hex(32);
  s.altId = hex(32);
  s.authId = hex(32);
  s.hash = hex(32);
  s.localIp = "192.0.2." + std::to_string(n % 250);
  s.client = "open-xchange-appsuite";
  s.loginTime = 1'700'000'000'000 + static_cast<std::int64_t>(n);
  s.localLastActive = s.loginTime;
  s.userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
  const std::size_t sum = valueBytes(s);
  if (sum < kSessionBytes) s.userAgent.resize(s.userAgent.size() + kSessionBytes - sum, '6');
  return s;
}

std::size_t valueBytes(const services::Session& s) {
  return s.loginName.size() + s.login.size() + s.userLogin.size() + s.password.size() +
         s.sessionId.size() + s.secret.size() + s.randomToken.size() + s.altId.size() +
         s.authId.size() + s.hash.size() + s.localIp.size() + s.client.size() +
         s.userAgent.size() + sizeof s.contextId + sizeof s.userId + sizeof s.loginTime +
         sizeof s.localLastActive + 1;
}

}  // namespace ox::bench
