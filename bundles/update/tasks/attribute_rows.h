// Rows of user_attribute and contextAttribute that stand in the way of the key (..., name).
//
// Purpose:   names that are equal by the column's collation ("color", "Color", "cölor") may stand
//            there several times; with the name in the key only one may. No value is lost: the
//            greatest value keeps the name (as in the original, which deletes the others), equal
//            values become one row, every other value gets a name of its own: "color~2", "color~3".
// Repeated:  each row is one statement; what is left is found again.
// Logged:    context, user and name, never a value; at most kMaxNamesLogged names, then how many.
// Errors:    UPD-0007/0008, UPD-0010 when no free name is found.
#pragma once

#include <string>
#include <vector>

#include "form_task.h"

namespace ox::update {

inline constexpr std::size_t kMaxNamesLogged = 1000;
inline constexpr int kMaxNameSuffix = 10000;
inline constexpr std::size_t kMaxAttributeName = 128;  // characters

// owner: the columns before the name in the key, {"cid", "id"} or {"cid"}.
Status separateNames(services::UpdateContext& context, const std::string& table,
                     const std::vector<std::string>& owner);

// Pure: "name~2"; the name is cut at a character so that the whole stays within the column.
std::string suffixedName(const std::string& name, int number);

}  // namespace ox::update
