// Password mechanisms of users and of the master administrator.
//
// Purpose: verify what the original wrote, make new hashes, read and write mpasswd.
// Threads: any; a bcrypt costs tens of milliseconds, so call from blocking threads.
// Secrets: no function logs; comparisons take constant time.
// Errors:  RUN-0004 for an unknown mechanism or a password that cannot be hashed.
// Source:  the original's IPasswordMech classes: {CRYPT} (DES), {SHA} {SHA1} {SHA-1}, {SHA256}
//          {SHA-256}, {SHA512} {SHA-512} as Base64 of digest(password, then salt), {BCRYPT}.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ox::db {

enum class Mechanism : std::uint8_t { kCrypt, kSha1, kSha256, kSha512, kBcrypt };

struct PasswordHash {
  std::string mechanism;  // as stored, e.g. "{BCRYPT}"
  std::string hash;
  std::string salt;       // raw bytes, empty = none
};

// With or without braces, any case.
std::optional<Mechanism> mechanismByName(std::string_view name);
std::string_view mechanismName(Mechanism mechanism);

// False also for an unknown mechanism or a damaged hash. Two empty texts match never.
bool verifyPassword(std::string_view password, const PasswordHash& stored);
// Passwords beyond bcrypt's 72 bytes get a salted SHA-512 instead of a silently shortened one.
Result<PasswordHash> makePassword(std::string_view password,
                                  Mechanism mechanism = Mechanism::kBcrypt);
// True for mechanisms (or lacking salts) that a login should replace.
bool needsRehash(const PasswordHash& stored);
// Does the work of a bcrypt comparison and answers nothing: for unknown users.
void spendVerification(std::string_view password);

// mpasswd: "user:mechanism:hash", with a fourth field Base64 of the salt, or the old
// "user:cryptedpw". Lines that start with '#' or have no ':' are skipped; the last one of a user
// wins. Source: the original's MasterAuthentication files.
struct MasterAccount {
  std::string user;
  PasswordHash password;
};
Result<std::map<std::string, PasswordHash>> parseMpasswd(std::string_view text);
std::string mpasswdLine(const MasterAccount& account);

}  // namespace ox::db
