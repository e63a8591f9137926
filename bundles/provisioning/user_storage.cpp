#include "user_storage.h"

#include <algorithm>

#include "announce.h"
#include "base/log.h"
#include "base/random.h"
#include "config/keys_admin.h"
#include "database/password.h"
#include "services/share_token.h"

namespace ox::provisioning {
namespace {

constexpr std::size_t kMaxText = 128;
constexpr std::size_t kMaxMail = 255;
constexpr std::size_t kMaxAliases = 100;
constexpr std::int64_t kMaxQuotaMb = 8'796'093'022'207;

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

std::string checkMail(const std::string& what, const std::string& mail) {
  if (auto wrong = checkText(what, mail, kMaxMail); !wrong.empty()) return wrong;
  const auto at = mail.find('@');
  if (at == std::string::npos || at == 0 || at + 1 == mail.size() ||
      mail.find('@', at + 1) != std::string::npos || mail.find(' ') != std::string::npos)
    return what + " is not of the form name@domain";
  return {};
}

db::Value orNull(const std::string& text) {
  return text.empty() ? db::Value(std::monostate()) : db::Value(text);
}

}  // namespace

std::string checkUser(const NewUser& user) {
  const std::pair<const char*, const std::string*> required[] = {
      {"user name", &user.name},       {"display name", &user.displayName},
      {"given name", &user.givenName}, {"surname", &user.surName},
      {"time zone", &user.timeZone}};
  for (const auto& [what, text] : required)
    if (auto wrong = checkText(what, *text, kMaxText); !wrong.empty()) return wrong;
  for (const char c : user.name)
    if (c == ' ' || c == '/' || c == '\\' || c == ':' || c == ',' || c == '"' || c == '*')
      return "user name contains a character that is not allowed: space / \\ : , \" *";
  // A guest may come by its share link alone; one without an address is whoever has the link.
  const bool guest = user.guestCreatedBy != 0;
  if (user.password.empty() && !guest) return "password is empty";
  if (!user.passwordMech.empty() && !db::mechanismByName(user.passwordMech))
    return "password mechanism must be one of CRYPT, SHA, SHA-256, SHA-512 and BCRYPT";
  if (user.quotaMb && (*user.quotaMb < -1 || *user.quotaMb > kMaxQuotaMb))
    return "quota must be megabytes of 0 to 8796093022207, or -1 for no limit";
  if (user.language.size() != 5 || user.language[2] != '_')
    return "language must be of the form en_US";
  if (!user.email.empty() || !guest)
    if (auto wrong = checkMail("email address", user.email); !wrong.empty()) return wrong;
  if (user.aliases.size() > kMaxAliases) return "there are more than 100 aliases";
  for (const auto& alias : user.aliases)
    if (auto wrong = checkMail("alias", alias); !wrong.empty()) return wrong;
  const std::string* optional[] = {&user.department, &user.company, &user.imapServer,
                                   &user.imapLogin, &user.smtpServer};
  for (const auto* text : optional)
    if (!text->empty())
      if (auto wrong = checkText("an optional value", *text, kMaxText); !wrong.empty())
        return wrong;
  return {};
}

NewUser withDefaults(NewUser user, const config::Config& config) {
  if (user.passwordMech.empty()) user.passwordMech = config.get(config::keys::kDefaultPasswordMech);
  return user;
}

Result<db::PasswordHash> hashPassword(const std::string& password, const std::string& mechanism) {
  const auto wanted = db::mechanismByName(mechanism).value_or(db::Mechanism::kBcrypt);
  auto made = db::makePassword(password, wanted);
  if (!made) return invalid(made.error().message);
  return made;
}

Status setQuota(db::Connection& schema, std::int32_t contextId, std::int32_t id,
                std::int64_t quotaMb) {
  const std::vector<db::Value> who{std::int64_t{contextId}, std::int64_t{id}};
  auto done = schema.execute("UPDATE user SET quota_max = ? WHERE cid = ? AND id = ?",
                             {quotaMb < 0 ? std::int64_t{-1} : quotaMb << 20, who[0], who[1]});
  // What a user has used is counted where a quota is set.
  if (done && quotaMb >= 0)
    done = schema.execute("INSERT IGNORE INTO filestore_usage (cid, user, used) VALUES (?, ?, 0)",
                          who);
  return done ? Status() : Status(done.error());
}

Result<std::int32_t> insertUser(db::Connection& schema, std::int32_t contextId,
                                const NewUser& user) {
  if (user.guestCreatedBy != 0) {
    auto host = schema.query("SELECT guestCreatedBy FROM user WHERE cid = ? AND id = ?",
                             {std::int64_t{contextId}, std::int64_t{user.guestCreatedBy}});
    if (!host) return host.error();
    if (host->empty())
      return Error(Code::kAdmNoUser, "there is no user " + std::to_string(user.guestCreatedBy) +
                                         " in context " + std::to_string(contextId) +
                                         " who could invite a guest");
    if (host->front().integer(0) != 0) return invalid("a guest cannot invite another guest");
  }
  // No mechanism verifies against an empty hash: such a guest has no login by name and password.
  auto hash = user.password.empty() ? Result<db::PasswordHash>(db::PasswordHash())
                                    : hashPassword(user.password, user.passwordMech);
  if (!hash) return hash.error();
  auto id = nextId(schema, "sequence_principal", contextId);
  if (!id) return id;
  auto contact = nextId(schema, "sequence_contact", contextId);
  if (!contact) return contact;
  const std::int64_t cid = contextId;
  const std::int64_t uid = *id;
  auto done = schema.execute(
      "INSERT INTO user (cid, id, imapServer, imapLogin, mail, mailDomain, mailEnabled, "
      "preferredLanguage, shadowLastChange, smtpServer, timeZone, userPassword, contactId, "
      "passwordMech, uidNumber, gidNumber, homeDirectory, loginShell, salt, guestCreatedBy) "
      "VALUES (?, ?, ?, ?, ?, ?, 1, ?, -1, ?, ?, ?, ?, ?, 0, 0, ?, '/bin/bash', ?, ?)",
      {cid, uid, orNull(user.imapServer), orNull(user.imapLogin), user.email,
       orNull(user.email.empty() ? user.email : user.email.substr(user.email.find('@') + 1)),
       user.language, orNull(user.smtpServer),
       user.timeZone, hash->hash, std::int64_t{*contact}, hash->mechanism,
       "/home/" + user.name.substr(0, 120), orNull(hash->salt),
       std::int64_t{user.guestCreatedBy}});
  if (!done) return done.error();
  done = schema.execute("INSERT INTO login2user (cid, id, uid) VALUES (?, ?, ?)",
                        {cid, uid, user.name});
  if (!done && done.error().code == Code::kDbDuplicate)
    return Error(Code::kAdmExists, "user " + user.name + " already exists in context " +
                                       std::to_string(contextId));
  if (!done) return done.error();
  done = schema.execute("INSERT INTO groups_member (cid, id, member) VALUES (?, ?, ?)",
                        {cid, std::int64_t{kDefaultGroupId}, uid});
  if (!done) return done.error();
  std::vector<std::string> aliases = user.aliases;
  if (!user.email.empty() &&
      std::find(aliases.begin(), aliases.end(), user.email) == aliases.end())
    aliases.insert(aliases.begin(), user.email);
  for (const auto& alias : aliases) {
    done = schema.execute("INSERT IGNORE INTO user_alias (cid, user, alias, uuid) "
                          "VALUES (?, ?, ?, ?)", {cid, uid, alias, randomUuid()});
    if (!done) return done.error();
  }
  // No contact tables exist yet, so what a contact would hold is kept as attributes.
  const std::pair<const char*, const std::string*> attributes[] = {
      {"displayName", &user.displayName}, {"givenName", &user.givenName},
      {"surName", &user.surName},         {"department", &user.department},
      {"company", &user.company},         {services::kShareBaseTokenAttribute, &user.shareBaseToken}};
  for (const auto& [name, value] : attributes) {
    if (value->empty()) continue;
    done = schema.execute("INSERT INTO user_attribute (cid, id, name, value, uuid) "
                          "VALUES (?, ?, ?, ?, ?)", {cid, uid, std::string(name), *value,
                                                     randomUuid()});
    if (!done) return done.error();
  }
  if (user.quotaMb)
    if (auto set = setQuota(schema, contextId, *id, *user.quotaMb); !set) return set.error();
  return id;
}

Result<std::int32_t> UserStorage::contextByName(const std::string& name) {
  auto lease = around_.database->configWrite();
  if (!lease) return storageError(lease.error(), "configdb");
  auto rows = (*lease)->query("SELECT cid FROM context WHERE name = ?", {name});
  if (!rows) return storageError(rows.error(), "looking up the context");
  if (rows->empty()) return Error(Code::kAdmNoContext, "context " + name + " does not exist");
  return static_cast<std::int32_t>(rows->front().integer(0));
}

Status UserStorage::authorize(std::int32_t contextId, const Credentials& credentials) {
  const auto config = around_.config->current();
  if (config->get(config::keys::kContextAuthenticationDisabled)) return {};
  if (credentials.master && config->get(config::keys::kMasterAccountOverride)) return {};
  const Error refused(Code::kAdmCredentials);
  if (credentials.user.empty() || credentials.password.empty()) return refused;
  auto user = around_.contexts->authenticate(contextId, credentials.user, credentials.password);
  if (!user) {
    if (user.error().name().starts_with("LGI-")) return refused;
    return user.error();
  }
  auto lease = around_.database->write(contextId);
  if (!lease) return lease.error();
  auto rows = (*lease)->query("SELECT 1 FROM user_setting_admin WHERE cid = ? AND user = ?",
                              {std::int64_t{contextId}, std::int64_t{user->id}});
  if (!rows) return storageError(rows.error(), "checking the administrator");
  return rows->empty() ? Status(refused) : Status();
}

Status UserStorage::enter(std::int32_t contextId, const Credentials& credentials) {
  auto usable = around_.contexts->usable(contextId);
  if (!usable) {
    if (usable.error().code == Code::kCtxNotFound)
      return Error(Code::kAdmNoContext, "context " + std::to_string(contextId) + " does not exist");
    if (usable.error().code != Code::kLgiContextDisabled) return usable.error();
  }
  return authorize(contextId, credentials);
}

Result<std::int32_t> UserStorage::create(std::int32_t contextId, const NewUser& given,
                                         const Credentials& credentials) {
  const NewUser user = withDefaults(given, *around_.config->current());
  if (auto wrong = checkUser(user); !wrong.empty()) return invalid(wrong);
  if (auto fine = enter(contextId, credentials); !fine) return fine.error();
  std::int32_t id = 0;
  auto done = transact([&] { return around_.database->write(contextId); }, "creating the user",
                       [&](db::Connection& schema) -> Status {
                         auto made = insertUser(schema, contextId, user);
                         if (!made) return made.error();
                         id = *made;
                         return {};
                       });
  if (!done) return done.error();
  announceUser(around_, contextId, id);
  log::info("user " + std::to_string(id) + " created in context " + std::to_string(contextId));
  return id;
}

}  // namespace ox::provisioning
