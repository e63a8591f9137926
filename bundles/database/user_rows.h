// Rows of users: the columns that a login and a look-up read, and what they mean.
//
// Threads: any, on a lent connection. Errors: what the database reports; contextError() gives them the
// codes of contexts. Schemas before 7.8.0 know no guests, those before 7.10.2 no salt.
// Source:  the original's tables user, login2user, user_attribute.
#pragma once

#include <string>
#include <vector>

#include "database/connection.h"
#include "database/password.h"
#include "services/contexts.h"
#include "services/database.h"

namespace ox::database {

inline constexpr int kUnknownColumn = 1054;

// Database troubles as the original shows them for contexts.
Error contextError(const Error& error);

// Columns 0..7 and the tables; a condition on l.cid is there, further ones may follow.
std::string userColumns(bool guests);
inline constexpr const char* kUserTables =
    " FROM login2user l JOIN user u ON u.cid = l.cid AND u.id = l.id WHERE l.cid = ? ";
services::User userOf(std::int32_t contextId, const db::Row& row);

// The same with password, mechanism and, unless `hasSalt` is false afterwards, salt.
Result<std::vector<db::Row>> credentialRows(db::Connection& connection, const std::string& condition,
                                            const std::vector<db::Value>& values, bool& hasSalt);
db::PasswordHash passwordOf(const db::Row& row, bool hasSalt);
// Another one for every other password; a digest, so that nothing of the hash leaves this room.
std::string markOf(const db::PasswordHash& stored);

}  // namespace ox::database
