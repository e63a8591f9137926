// What information_schema says about a table of the selected schema, for tasks that look before
// they act.
//
// Threads:   functions on the caller's connection.
// Errors:    UPD-0007/0008.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/connection.h"

namespace ox::update {

struct ColumnInfo {
  std::string name;
  std::string type;       // COLUMN_TYPE, "varchar(128)"
  std::string charset;    // empty for numbers and bytes
  std::string collation;
  bool nullable = false;
  std::optional<std::string> defaultSql;  // as SQL text after DEFAULT
  std::string comment;
};
struct IndexPart {
  std::string column;
  int prefix = 0;  // characters; 0 = whole column
};
struct IndexInfo {
  std::string name;
  bool unique = false;
  std::vector<IndexPart> parts;
};
struct TableInfo {
  std::string name;
  std::string collation;  // default of new columns
  std::vector<ColumnInfo> columns;
  std::vector<IndexInfo> indexes;
  std::string rowFormat;  // "Dynamic", "Compact", ...
  bool hasColumn(const std::string& column) const;
  const ColumnInfo* column(const std::string& name) const;  // null when there is none
  const IndexInfo* index(const std::string& name) const;    // the primary key is "PRIMARY"
};

// Nothing when there is no such table (a view is none).
Result<std::optional<TableInfo>> readTable(db::Connection& connection, const std::string& table);

inline constexpr const char* kPrimary = "PRIMARY";
std::string quoteName(const std::string& name);     // `name`
std::string quoteText(const std::string& text);     // 'text', for DDL, which takes no parameters

}  // namespace ox::update
