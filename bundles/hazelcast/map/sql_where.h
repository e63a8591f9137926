// The SQL-where text form of predicates: "userId = 3 AND name LIKE 'a%' AND NOT active".
//
// Purpose:   parse it into a services::Predicate. Grammar: docs/formats/predicates.md.
// Threads:   a plain function.
// Bounds:    kMaxWhereBytes; depth and number of parts as of any predicate (predicate.h).
// Errors:    RUN-0004 with the position (counted from 1) and what was expected there.
#pragma once

#include "base/error.h"
#include "services/grid_query.h"

namespace ox::grid {

inline constexpr std::size_t kMaxWhereBytes = 32u << 10;

Result<services::Predicate> parseWhere(std::string_view text);

}  // namespace ox::grid
