// The master administrator: who may call administrative operations.
//
// Threads: any; a check hashes a password (tens of milliseconds).
// Source:  etc/mpasswd of the original (formats: database/password.h). The file is read at each
//          check,
//          so that generatempasswd takes effect at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"

namespace ox::management {

inline constexpr std::uint64_t kMaxMpasswdBytes = 256 * 1024;

using PasswordCheck = std::function<bool(const std::string& user, const std::string& password)>;

PasswordCheck mpasswdCheck(const std::string& file);
// What an administrator should know at start: unreadable, malformed, no account. Ok = usable.
Status mpasswdUsable(const std::string& file);

}  // namespace ox::management
