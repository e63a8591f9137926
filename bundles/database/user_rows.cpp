#include "user_rows.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace ox::database {

using services::User;

// Database troubles as the original shows them for contexts.
Error contextError(const Error& error) {
  switch (error.code) {
    case Code::kDbNoConnection:
    case Code::kDbPoolExhausted:
      return Error(Code::kCtxNoConnection, error.message);
    case Code::kDbSql:
    case Code::kDbDuplicate:
    case Code::kDbDeadlock:
      return Error(Code::kCtxSql, error.message);
    default:
      return error;
  }
}

User userOf(std::int32_t contextId, const db::Row& row) {
  User user;
  user.contextId = contextId;
  user.id = static_cast<std::int32_t>(row.integer(0));
  user.loginName = row.text(1);
  user.mail = row.text(2);
  user.language = row.text(3);
  user.timeZone = row.text(4);
  user.contactId = static_cast<std::int32_t>(row.integer(5));
  user.mailEnabled = row.boolean(6);
  user.guestCreatedBy = static_cast<std::int32_t>(row.integer(7));
  return user;
}

// Schemas before 7.8.0 know no guests.
std::string userColumns(bool guests) {
  return std::string("SELECT u.id, l.uid, u.mail, u.preferredLanguage, u.timeZone, u.contactId, "
                     "u.mailEnabled, ") +
         (guests ? "u.guestCreatedBy" : "0");
}

Result<std::vector<db::Row>> credentialRows(db::Connection& connection, const std::string& condition,
                                            const std::vector<db::Value>& values, bool& hasSalt) {
  const auto sql = [&](bool salt, bool guests) {
    return userColumns(guests) + ", u.userPassword, u.passwordMech" + (salt ? ", u.salt" : "") +
           kUserTables + condition;
  };
  hasSalt = true;
  auto found = connection.query(sql(true, true), values);
  if (!found && connection.sqlError() == kUnknownColumn) {  // schemas before 7.10.2
    hasSalt = false;
    found = connection.query(sql(false, true), values);
  }
  if (!found && connection.sqlError() == kUnknownColumn)
    found = connection.query(sql(false, false), values);
  return found;
}

db::PasswordHash passwordOf(const db::Row& row, bool hasSalt) {
  db::PasswordHash out;
  out.hash = row.text(8);
  out.mechanism = row.text(9);
  if (hasSalt) out.salt = row.text(10);
  return out;
}

std::string markOf(const db::PasswordHash& stored) {
  std::string text;
  for (const std::string* part : {&stored.mechanism, &stored.hash, &stored.salt})
    text += std::to_string(part->size()) + ":" + *part;
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  OX_CHECK(EVP_Digest(text.data(), text.size(), out, &length, EVP_sha256(), nullptr) == 1);
  return std::string(reinterpret_cast<const char*>(out), length);
}

}  // namespace ox::database
