// May a session be used from this address? Pure.
// Source: com.openexchange.IPCheck, IPMaskV4, IPMaskV6, IPCheckWhitelist of the original.
#pragma once

#include <string>

#include "services/sessions.h"
#include "settings.h"

namespace ox::login {

enum class AddressVerdict { kSame, kMoved, kRefused };

// kMoved: another address, which is allowed by a mask or for its client. Where nothing is checked an
// address is as good as the other: nothing has to be kept.
AddressVerdict checkAddress(const LoginSettings& settings, const services::Session& session,
                            const std::string& address);

}  // namespace ox::login
