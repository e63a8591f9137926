// Users of a context: the rows a user consists of, and who may create them.
//
// Threads: any blocking thread. Errors: ADM-*; duplicate login name ADM-0110.
// Source: the original's OXUserStorage; tables user, login2user, groups_member, user_alias.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage.h"

namespace ox::provisioning {

struct NewUser {
  std::string name;
  std::string displayName;
  std::string givenName;
  std::string surName;
  std::string password;
  std::string email;
  std::string language = "en_US";
  std::string timeZone = "Europe/Berlin";
  std::string department;
  std::string company;
  std::vector<std::string> aliases;
  std::string imapServer;
  std::string imapLogin;
  std::string smtpServer;
  std::int32_t guestCreatedBy = 0;  // the user who invites; 0 = no guest
};

// Ids that a fresh context's sequences give; the default group is created before the first user.
inline constexpr std::int32_t kDefaultGroupId = 1;

// Empty text = fine.
std::string checkUser(const NewUser& user);
// A user with its login, aliases, attributes and default group, inside the caller's transaction.
Result<std::int32_t> insertUser(db::Connection& schema, std::int32_t contextId,
                                const NewUser& user);

struct Credentials {
  std::string user;
  std::string password;
  bool master = false;  // verified as master administrator
};

class UserStorage {
 public:
  explicit UserStorage(Surroundings surroundings) : around_(std::move(surroundings)) {}
  Result<std::int32_t> create(std::int32_t contextId, const NewUser& user,
                              const Credentials& credentials);
  Result<std::int32_t> contextByName(const std::string& name);

 private:
  Status authorize(std::int32_t contextId, const Credentials& credentials);
  const Surroundings around_;
};

}  // namespace ox::provisioning
