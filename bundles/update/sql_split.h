// Cuts the text of an SQL file into statements.
//
// Purpose:   knows quotes, backslash escapes, comments; what it cannot run safely is one clear
//            error with file and line: DELIMITER, unfinished quotes, bodies of stored programs,
//            statements that return rows, that change the connection, or that touch a database.
// Threads:   pure functions.
// Limits:    kMaxSqlStatements statements of at most kMaxSqlStatementBytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ox::update {

inline constexpr std::size_t kMaxSqlStatements = 1000;
inline constexpr std::size_t kMaxSqlStatementBytes = 256 * 1024;

struct SqlStatement {
  std::string text;  // without comments and without the closing semicolon
  int line = 0;      // where it begins
};

// `file` is only for messages; `firstLine` is the number of the first line of `sql`.
Result<std::vector<SqlStatement>> splitStatements(std::string_view sql, const std::string& file,
                                                  int firstLine = 1);

// "updatetasks/x.sql:12: text" as kConfigSyntax.
Error sqlFileError(const std::string& file, int line, const std::string& text);

}  // namespace ox::update
