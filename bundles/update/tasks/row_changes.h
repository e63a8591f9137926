// Changes of rows that tasks make beside their ALTER TABLE.
//
// Purpose:   context by context and in portions, each with its own commit: no lock lasts long, no
//            transaction is too large for a Galera cluster, and keys that begin with cid are used.
// Lease:     every change goes through UpdateContext::change, which knows who may still write. So
//            values stand in the statement; in the text of an error it ends before its WHERE.
// Repeated:  the statement must find nothing more once it has done its work.
// Errors:    UPD-0007/0008, RUN-0005 rows stayed in use, UPD-0028 superseded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/updates.h"

namespace ox::update {

inline constexpr std::uint64_t kRowsPerPortion = 5000;

// UPDATE or DELETE of one table that ends with its WHERE; rows changed. The WHERE must exclude what
// is done already.
Result<std::uint64_t> changeInPortions(services::UpdateContext& context, const std::string& table,
                                       const std::string& sql);

// A statement over several tables, once per context of `table`, whose id follows its end.
Result<std::uint64_t> changeByContext(services::UpdateContext& context, const std::string& table,
                                      const std::string& sql);

// One statement as it is.
Result<std::uint64_t> changeRows(services::UpdateContext& context, const std::string& sql);
Result<std::vector<db::Row>> readRows(services::UpdateContext& context, const std::string& sql,
                                      const std::vector<db::Value>& values = {});

// Text as a literal that every column's character set can be compared with.
std::string textLiteral(const std::string& text);

// A change of a table's form.
Status changeForm(services::UpdateContext& context, const std::string& sql);

}  // namespace ox::update
