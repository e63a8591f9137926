// Text of statements: values put in place of '?', names checked.
//
// Threads: pure functions.
// Errors:  DB-0002 when places and values differ in number.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "database/connection.h"

namespace ox::db {

// Replaces each '?' outside quotes and comments by its value; without values the text stays as it
// is. Texts are escaped and quoted; bytes that are no UTF-8 become a hexadecimal literal.
Result<std::string> bindValues(std::string_view sql, const std::vector<Value>& values,
                               const std::function<std::string(std::string_view)>& escape);

// A file of statements that end with ';' (outside quotes and comments), comments dropped before
// a statement; empty ones are left out.
std::vector<std::string> splitStatements(std::string_view sql);

// A-Z a-z 0-9 _ $ -, 1 to 64 characters.
bool isSchemaName(std::string_view name);
bool isUtf8(std::string_view text);

}  // namespace ox::db
