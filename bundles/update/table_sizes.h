// Sizes of the tables that a task is about to change.
//
// Purpose:   the size of a table is asked for before each ALTER. A file that changes many tables tells
//            its statements first, and the tables of those that follow one another are looked up with
//            one question.
// Rule:      a size counts for one change; after a statement that is none (it may have filled a table)
//            everything is asked again.
// Threads:   one. Errors: UPD-0007, UPD-0008. Limits: kMaxSizesAtOnce tables per question.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ddl.h"

namespace ox::update {

inline constexpr std::size_t kMaxSizesAtOnce = 50;

class TableSizes {
 public:
  // All statements of a task, in their order.
  void announce(const std::vector<std::string>& statements);
  // This statement is the next one.
  void begins(const std::string& statement);
  // Nothing when there is no such table.
  Result<std::optional<TableSize>> of(db::Connection& connection, const std::string& table);
  // Pure: the tables that of() would ask for now.
  std::vector<std::string> question(const std::string& table) const;

 private:
  struct Announced {
    std::string statement;
    std::string table;  // empty = changes no table's form
  };
  std::vector<Announced> announced_;
  std::size_t next_ = 0;
  std::map<std::string, std::optional<TableSize>> known_;
};

}  // namespace ox::update
