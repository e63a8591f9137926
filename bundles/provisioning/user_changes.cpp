// Changing, removing and listing users. Source: the original's OXUserStorage change, delete, list.
#include <algorithm>
#include <map>

#include "announce.h"
#include "base/log.h"
#include "config/keys_admin.h"
#include "database/password.h"
#include "user_storage.h"

namespace ox::provisioning {
namespace {

constexpr int kUnknownColumn = 1054;
// Kept as attributes until there are tables of contacts.
constexpr const char* kAttributes =
    "('displayName', 'givenName', 'surName', 'department', 'company')";

Error invalid(const std::string& text) { return Error(Code::kAdmInvalidData, text); }

std::string described(std::int32_t contextId, std::int32_t id) {
  return "user " + std::to_string(id) + " in context " + std::to_string(contextId);
}

Result<std::int32_t> idOf(db::Connection& schema, std::int32_t contextId, const UserRef& user) {
  auto rows = user.id ? schema.query("SELECT id, uid FROM login2user WHERE cid = ? AND id = ?",
                                     {std::int64_t{contextId}, std::int64_t{*user.id}})
                      : schema.query("SELECT id, uid FROM login2user WHERE cid = ? AND uid = ?",
                                     {std::int64_t{contextId}, user.name});
  if (!rows) return rows.error();
  if (rows->empty())
    return Error(Code::kAdmNoUser, "there is no user " +
                                       (user.id ? std::to_string(*user.id) : user.name) +
                                       " in context " + std::to_string(contextId));
  if (!user.name.empty() && rows->front().text(1) != user.name)
    return invalid("the login name of user " + rows->front().text(0) +
                   " is another one, and login names do not change");
  return static_cast<std::int32_t>(rows->front().integer(0));
}

Status setPassword(db::Connection& schema, std::int32_t contextId, std::int32_t id,
                   const db::PasswordHash& hash) {
  const std::vector<db::Value> who{std::int64_t{contextId}, std::int64_t{id}};
  auto done = schema.execute(
      "UPDATE user SET userPassword = ?, passwordMech = ?, shadowLastChange = ?, salt = ? "
      "WHERE cid = ? AND id = ?",
      {hash.hash, hash.mechanism, nowMillis() / 86'400'000,
       hash.salt.empty() ? db::Value(std::monostate()) : db::Value(hash.salt), who[0], who[1]});
  if (!done && schema.sqlError() == kUnknownColumn && hash.salt.empty())  // before 7.10.2
    done = schema.execute("UPDATE user SET userPassword = ?, passwordMech = ?, "
                          "shadowLastChange = ? WHERE cid = ? AND id = ?",
                          {hash.hash, hash.mechanism, nowMillis() / 86'400'000, who[0], who[1]});
  return done ? Status() : Status(done.error());
}

Status setAttribute(db::Connection& schema, std::int32_t contextId, std::int32_t id,
                    const std::string& name, const std::string& value) {
  const std::vector<db::Value> key{std::int64_t{contextId}, std::int64_t{id}, name};
  auto done =
      schema.execute("DELETE FROM user_attribute WHERE cid = ? AND id = ? AND name = ?", key);
  if (done && !value.empty())
    done = schema.execute("INSERT INTO user_attribute (cid, id, name, value, uuid) "
                          "VALUES (?, ?, ?, ?, ?)", {key[0], key[1], key[2], value, randomUuid()});
  return done ? Status() : Status(done.error());
}

Status setAliases(db::Connection& schema, std::int32_t contextId, std::int32_t id,
                  const UserChange& change) {
  const std::vector<db::Value> who{std::int64_t{contextId}, std::int64_t{id}};
  auto mail = schema.query("SELECT mail FROM user WHERE cid = ? AND id = ?", who);
  if (!mail) return mail.error();
  std::vector<std::string> aliases = change.aliases.value_or(std::vector<std::string>());
  if (!mail->empty() && !mail->front().text(0).empty())
    aliases.insert(aliases.begin(), mail->front().text(0));
  if (change.aliases)
    if (auto gone = schema.execute("DELETE FROM user_alias WHERE cid = ? AND user = ?", who); !gone)
      return gone.error();
  for (const auto& alias : aliases) {
    auto done = schema.execute("INSERT IGNORE INTO user_alias (cid, user, alias, uuid) "
                               "VALUES (?, ?, ?, ?)", {who[0], who[1], alias, randomUuid()});
    if (!done) return done.error();
  }
  return {};
}

// A guest goes over to another user; guests belong to users, and users to nobody.
Status setHost(db::Connection& schema, std::int32_t contextId, std::int32_t id, std::int32_t host) {
  auto rows = schema.query("SELECT id, guestCreatedBy FROM user WHERE cid = ? AND id IN (?, ?)",
                           {std::int64_t{contextId}, std::int64_t{id}, std::int64_t{host}});
  if (!rows) return rows.error();
  bool guest = false, user = false;
  for (const auto& row : *rows) {
    if (row.integer(0) == id) guest = row.integer(1) != 0;
    if (row.integer(0) == host) user = row.integer(1) == 0;
  }
  if (!guest) return invalid(described(contextId, id) + " is no guest");
  if (!user)
    return Error(Code::kAdmNoUser, "there is no user " + std::to_string(host) + " in context " +
                                       std::to_string(contextId) + " to whom a guest could go");
  auto done = schema.execute("UPDATE user SET guestCreatedBy = ? WHERE cid = ? AND id = ?",
                             {std::int64_t{host}, std::int64_t{contextId}, std::int64_t{id}});
  return done ? Status() : Status(done.error());
}

Status apply(db::Connection& schema, std::int32_t contextId, std::int32_t id,
             const UserChange& change, const std::optional<db::PasswordHash>& hash) {
  std::string columns;
  std::vector<db::Value> values;
  const auto set = [&](const char* column, db::Value value) {
    columns += (columns.empty() ? "" : ", ") + std::string(column) + " = ?";
    values.push_back(std::move(value));
  };
  const auto text = [&](const char* column, const std::optional<std::string>& value) {
    if (value) set(column, value->empty() ? db::Value(std::monostate()) : db::Value(*value));
  };
  text("preferredLanguage", change.language);
  text("timeZone", change.timeZone);
  text("imapServer", change.imapServer);
  text("imapLogin", change.imapLogin);
  text("smtpServer", change.smtpServer);
  text("mail", change.email);
  if (change.email) set("mailDomain", change.email->substr(change.email->find('@') + 1));
  if (change.mailEnabled) set("mailEnabled", std::int64_t{*change.mailEnabled ? 1 : 0});
  if (!columns.empty()) {
    values.insert(values.end(), {std::int64_t{contextId}, std::int64_t{id}});
    auto done = schema.execute("UPDATE user SET " + columns + " WHERE cid = ? AND id = ?", values);
    if (!done) return done.error();
  }
  if (change.quotaMb)
    if (auto done = setQuota(schema, contextId, id, *change.quotaMb); !done) return done;
  if (change.guestCreatedBy)
    if (auto done = setHost(schema, contextId, id, *change.guestCreatedBy); !done) return done;
  if (hash)
    if (auto done = setPassword(schema, contextId, id, *hash); !done) return done;
  const std::pair<const char*, const std::optional<std::string>*> attributes[] = {
      {"displayName", &change.displayName}, {"givenName", &change.givenName},
      {"surName", &change.surName},         {"department", &change.department},
      {"company", &change.company}};
  for (const auto& [name, value] : attributes)
    if (*value)
      if (auto done = setAttribute(schema, contextId, id, name, **value); !done) return done;
  if (change.email || change.aliases) return setAliases(schema, contextId, id, change);
  return {};
}

// The rows of one user; what else knows its id goes by foreign keys of the caller's order.
Status deleteRows(db::Connection& schema, std::int32_t contextId, std::int32_t id) {
  const std::vector<db::Value> who{std::int64_t{contextId}, std::int64_t{id}};
  auto done = schema.execute(
      "REPLACE INTO del_user (cid, id, contactId, uidNumber, gidNumber, guestCreatedBy) "
      "SELECT cid, id, contactId, uidNumber, gidNumber, guestCreatedBy FROM user "
      "WHERE cid = ? AND id = ?", who);
  if (!done) return done.error();
  for (const char* from : {"user_attribute WHERE cid = ? AND id = ?",
                           "user_alias WHERE cid = ? AND user = ?",
                           "groups_member WHERE cid = ? AND member = ?",
                           "login2user WHERE cid = ? AND id = ?", "user WHERE cid = ? AND id = ?",
                           "filestore_usage WHERE cid = ? AND user = ? AND user > 0"}) {
    done = schema.execute(std::string("DELETE FROM ") + from, who);
    if (!done) return done.error();
  }
  return {};
}

}  // namespace

std::string checkChange(const UserChange& change) {
  NewUser whole;  // what is not changed is fine
  whole.name = "x";
  whole.displayName = change.displayName.value_or("x");
  whole.givenName = change.givenName.value_or("x");
  whole.surName = change.surName.value_or("x");
  whole.password = change.password.value_or("x");
  whole.email = change.email.value_or("x@x");
  whole.language = change.language.value_or(whole.language);
  whole.timeZone = change.timeZone.value_or(whole.timeZone);
  whole.department = change.department.value_or("");
  whole.company = change.company.value_or("");
  whole.imapServer = change.imapServer.value_or("");
  whole.imapLogin = change.imapLogin.value_or("");
  whole.smtpServer = change.smtpServer.value_or("");
  whole.aliases = change.aliases.value_or(std::vector<std::string>());
  whole.quotaMb = change.quotaMb;
  whole.passwordMech = change.passwordMech.value_or("");
  if (change.passwordMech && !change.password)
    return "the mechanism of a password can be changed with a new password only";
  return checkUser(whole);
}

Result<std::int32_t> UserStorage::change(std::int32_t contextId, const UserRef& user,
                                         const UserChange& change,
                                         const Credentials& credentials) {
  if (auto wrong = checkChange(change); !wrong.empty()) return invalid(wrong);
  if (auto fine = enter(contextId, credentials); !fine) return fine.error();
  std::optional<db::PasswordHash> hash;
  if (change.password) {  // costs time: not within the transaction
    auto made = hashPassword(*change.password,
                             change.passwordMech.value_or(around_.config->current()->get(
                                 config::keys::kDefaultPasswordMech)));
    if (!made) return made.error();
    hash = std::move(*made);
  }
  std::int32_t id = 0;
  auto done = transact([&] { return around_.database->write(contextId); }, "changing the user",
                       [&](db::Connection& schema) -> Status {
                         auto found = idOf(schema, contextId, user);
                         if (!found) return found.error();
                         id = *found;
                         return apply(schema, contextId, id, change, hash);
                       });
  if (!done) return done.error();
  announceUser(around_, contextId, id);
  std::string ended;
  if (change.password || !change.mailEnabled.value_or(true)) {
    services::CloseRequest sessions;
    sessions.users = {{contextId, id}};
    ended = ", sessions ended: " + std::to_string(endSessions(around_, sessions));
  }
  log::info(described(contextId, id) + " changed" + ended);
  return id;
}

Result<std::int32_t> UserStorage::remove(std::int32_t contextId, const UserRef& user,
                                         std::optional<std::int32_t> heir,
                                         const Credentials& credentials) {
  if (auto fine = enter(contextId, credentials); !fine) return fine.error();
  const std::int64_t cid = contextId;
  services::CloseRequest sessions;
  auto done = transact(
      [&] { return around_.database->write(contextId); }, "deleting the user",
      [&](db::Connection& schema) -> Status {
        sessions.users.clear();
        auto id = idOf(schema, contextId, user);
        if (!id) return id.error();
        auto admin = schema.query("SELECT 1 FROM user_setting_admin WHERE cid = ? AND user = ?",
                                  {cid, std::int64_t{*id}});
        if (!admin) return admin.error();
        if (!admin->empty())
          return invalid("the administrator of a context cannot be deleted; delete the context");
        if (heir && *heir == *id) return invalid("a deleted user takes nothing over");
        if (heir)
          if (auto there = idOf(schema, contextId, {heir, {}}); !there) return there.error();
        std::vector<std::int32_t> going{*id};
        if (heir) {
          auto moved = schema.execute(
              "UPDATE user SET guestCreatedBy = ? WHERE cid = ? AND guestCreatedBy = ?",
              {std::int64_t{*heir}, cid, std::int64_t{*id}});
          if (!moved) return moved.error();
        } else {
          auto guests = schema.query("SELECT id FROM user WHERE cid = ? AND guestCreatedBy = ?",
                                     {cid, std::int64_t{*id}});
          if (!guests) return guests.error();
          for (const auto& row : *guests)
            going.push_back(static_cast<std::int32_t>(row.integer(0)));
        }
        for (auto one = going.rbegin(); one != going.rend(); ++one)
          if (auto gone = deleteRows(schema, contextId, *one); !gone) return gone;
        for (const std::int32_t one : going) sessions.users.push_back({contextId, one});
        return {};
      });
  if (!done) return done.error();
  for (const auto& one : sessions.users) announceUser(around_, contextId, one.userId);
  const std::uint64_t ended = endSessions(around_, sessions);
  const std::int32_t id = sessions.users.front().userId;
  log::info(described(contextId, id) + " deleted, guests deleted with it: " +
            std::to_string(sessions.users.size() - 1) + ", sessions ended: " +
            std::to_string(ended));
  return id;
}

Result<std::vector<ListedUser>> UserStorage::list(std::int32_t contextId, const UserFilter& filter,
                                                  const Credentials& credentials) {
  if (auto fine = enter(contextId, credentials); !fine) return fine.error();
  const std::string doing = "listing users";
  auto lease = around_.database->write(contextId);
  if (!lease) return storageError(lease.error(), doing);
  const std::vector<db::Value> cid{std::int64_t{contextId}};
  std::string sql =
      "SELECT u.id, l.uid, u.mail, u.preferredLanguage, u.timeZone, u.imapServer, u.imapLogin, "
      "u.smtpServer, u.guestCreatedBy, u.mailEnabled, u.quota_max, u.passwordMech, "
      "COALESCE(f.used, 0) FROM user u JOIN login2user l ON l.cid = u.cid AND l.id = u.id "
      "LEFT JOIN filestore_usage f ON f.cid = u.cid AND f.user = u.id AND f.user > 0 "
      "WHERE u.cid = ? "
      "AND CONVERT(l.uid USING utf8mb4) ";
  sql += filter.ignoreCase ? "COLLATE utf8mb4_unicode_ci " : "COLLATE utf8mb4_bin ";
  sql += "LIKE ? ";
  if (!filter.includeGuests) sql += "AND u.guestCreatedBy = 0 ";
  if (filter.excludeUsers) sql += "AND u.guestCreatedBy > 0 ";
  auto rows = (*lease)->query(sql + "ORDER BY u.id", {cid[0], likePattern(filter.pattern)});
  if (!rows) return storageError(rows.error(), doing);
  std::vector<ListedUser> out;
  std::map<std::int64_t, std::size_t> places;
  for (const auto& row : *rows) {
    ListedUser one;
    one.id = static_cast<std::int32_t>(row.integer(0));
    one.enabled = row.boolean(9);
    NewUser& v = one.values;
    v.name = row.text(1);
    v.email = row.text(2);
    v.language = row.text(3);
    v.timeZone = row.text(4);
    v.imapServer = row.text(5);
    v.imapLogin = row.text(6);
    v.smtpServer = row.text(7);
    v.guestCreatedBy = static_cast<std::int32_t>(row.integer(8));
    v.quotaMb = row.integer(10) < 0 ? -1 : row.integer(10) >> 20;
    v.passwordMech = row.text(11);
    one.usedMb = row.integer(12) >> 20;
    places[one.id] = out.size();
    out.push_back(std::move(one));
  }
  auto attributes = (*lease)->query(std::string("SELECT id, name, value FROM user_attribute "
                                                "WHERE cid = ? AND name IN ") + kAttributes, cid);
  if (!attributes) return storageError(attributes.error(), doing);
  for (const auto& row : *attributes) {
    const auto found = places.find(row.integer(0));
    if (found == places.end()) continue;
    NewUser& v = out[found->second].values;
    const std::map<std::string, std::string*> fields = {
        {"displayName", &v.displayName}, {"givenName", &v.givenName}, {"surName", &v.surName},
        {"department", &v.department},   {"company", &v.company}};
    if (const auto field = fields.find(row.text(1)); field != fields.end())
      *field->second = row.text(2);
  }
  auto aliases = (*lease)->query("SELECT user, alias FROM user_alias WHERE cid = ? "
                                 "ORDER BY user, alias", cid);
  if (!aliases) return storageError(aliases.error(), doing);
  for (const auto& row : *aliases)
    if (const auto found = places.find(row.integer(0)); found != places.end())
      out[found->second].values.aliases.push_back(row.text(1));
  return out;
}

}  // namespace ox::provisioning
