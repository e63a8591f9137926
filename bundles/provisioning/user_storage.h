// Users of a context: the rows a user consists of, and who may create them.
//
// Threads: any blocking thread. Errors: ADM-*; duplicate login name ADM-0110.
// Source: the original's OXUserStorage; tables user, login2user, groups_member, user_alias.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "database/password.h"
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
  std::optional<std::int64_t> quotaMb;  // -1 = no limit
  std::string passwordMech;             // "SHA-256", "{BCRYPT}", ...; empty = bcrypt
  std::string shareBaseToken;       // of a guest: 32 hex digits; its share link proves it by them
};

// Ids that a fresh context's sequences give; the default group is created before the first user.
inline constexpr std::int32_t kDefaultGroupId = 1;

// Empty text = fine.
std::string checkUser(const NewUser& user);
// What is empty of a new user and has a default in the configuration (DEFAULT_PASSWORD_MECHANISM).
NewUser withDefaults(NewUser user, const config::Config& config);
// The hash of a password that was checked. ADM-0103 for what the mechanism cannot hash.
Result<db::PasswordHash> hashPassword(const std::string& password, const std::string& mechanism);
// -1 = no limit. Inside the caller's transaction.
Status setQuota(db::Connection& schema, std::int32_t contextId, std::int32_t id,
                std::int64_t quotaMb);
// A user with its login, aliases, attributes and default group, inside the caller's transaction.
Result<std::int32_t> insertUser(db::Connection& schema, std::int32_t contextId,
                                const NewUser& user);

// What is set is changed. A new address is added to the aliases; `aliases` replaces the list.
struct UserChange {
  std::optional<std::string> displayName, givenName, surName, password, email, language, timeZone,
      department, company, imapServer, imapLogin, smtpServer;
  std::optional<std::vector<std::string>> aliases;
  std::optional<bool> mailEnabled;  // false: the user cannot log in (LGI-0014)
  std::optional<std::int64_t> quotaMb;
  std::optional<std::string> passwordMech;       // of the new password
  std::optional<std::int32_t> guestCreatedBy;    // a guest goes over to this user
};
std::string checkChange(const UserChange& change);

// By id or by login name; both must mean the same user.
struct UserRef {
  std::optional<std::int32_t> id;
  std::string name;
};

struct UserFilter {
  std::string pattern;  // of the login name
  bool ignoreCase = false;
  bool includeGuests = false;
  bool excludeUsers = false;
};

struct ListedUser {
  std::int32_t id = 0;
  bool enabled = true;
  NewUser values;  // without password
  std::int64_t usedMb = 0;
};

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
  // A new password or mailEnabled=false ends the user's sessions on all nodes. Id of the user.
  Result<std::int32_t> change(std::int32_t contextId, const UserRef& user, const UserChange& change,
                              const Credentials& credentials);
  // The user, the guests invited by it (they go over to `heir` when there is one), their sessions.
  Result<std::int32_t> remove(std::int32_t contextId, const UserRef& user,
                              std::optional<std::int32_t> heir, const Credentials& credentials);
  Result<std::vector<ListedUser>> list(std::int32_t contextId, const UserFilter& filter,
                                       const Credentials& credentials);

 private:
  // The context is there and not being updated (a disabled one may be changed), the caller may act.
  Status enter(std::int32_t contextId, const Credentials& credentials);
  Status authorize(std::int32_t contextId, const Credentials& credentials);
  const Surroundings around_;
};

}  // namespace ox::provisioning
