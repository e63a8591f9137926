#include "address_check.h"

#include <algorithm>

#include "http/address.h"

namespace ox::login {

AddressVerdict checkAddress(const LoginSettings& settings, const services::Session& session,
                            const std::string& address) {
  if (!settings.ipCheck || session.localIp.empty() || session.localIp == address) return AddressVerdict::kSame;
  const auto before = http::parseAddress(session.localIp);
  const auto now = http::parseAddress(address);
  if (before && before == now) return AddressVerdict::kSame;
  const auto& free = settings.ipWhitelist;
  if (std::find(free.begin(), free.end(), session.client) != free.end())
    return AddressVerdict::kMoved;
  const bool near = before && now &&
                    http::sameNetwork(*before, *now, now->four ? settings.maskV4 : settings.maskV6);
  return near ? AddressVerdict::kMoved : AddressVerdict::kRefused;
}

}  // namespace ox::login
