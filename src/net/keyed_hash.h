// What proves the knowledge of a password: HMAC-SHA256, and keys made of passwords.
//
// Threads:   any; plain functions.
// Errors:    none: a failure of the library (out of memory) ends the process.
#pragma once

#include <string>

#include "base/bytes.h"

namespace ox::net {

inline constexpr std::size_t kHmacBytes = 32;

Bytes hmacSha256(BytesView key, BytesView text);

// PBKDF2-HMAC-SHA256; slow on purpose (100,000 rounds take tens of milliseconds).
Bytes keyOfPassword(const std::string& password, const std::string& salt, int rounds,
                    std::size_t bytes);

// In constant time.
bool sameProof(BytesView a, BytesView b);

}  // namespace ox::net
