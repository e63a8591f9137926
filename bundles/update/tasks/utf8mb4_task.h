// Conversion of tables from three-byte utf8 to utf8mb4.
//
// Purpose:   one ALTER TABLE per table that changes exactly the columns that are still utf8, keeps
//            type, nullability, default and comment, the matching collation (utf8_x -> utf8mb4_x),
//            and makes too long index prefixes short enough. Numbers and bytes stay untouched.
//            Tables of the old row formats become DYNAMIC, whose index parts may be longer.
//            (CONVERT TO CHARACTER SET would turn TEXT into MEDIUMTEXT.)
// Repeated:  a converted table is left alone, so a crash in the middle is healed by a new run.
// Errors:    UPD-0007/0008; UPD-0028 when superseded between two tables.
// source: the original's SimpleConvertUtf8ToUtf8mb4UpdateTask and LdapConvertUtf8ToUtf8mb4Task
//         (class name, tables, prefix 191 of mailIndex, alias stays utf8); newest table forms.
#pragma once

#include <string>
#include <vector>

#include "services/updates.h"
#include "table_info.h"

namespace ox::update {

inline constexpr const char* kUtf8mb4NameSpace = "groupware.utf8mb4";
// Characters of a four-byte column that fit into a 767-byte index part.
inline constexpr int kUtf8mb4IndexPrefix = 191;

struct Utf8mb4Table {
  std::string name;
  std::vector<std::string> binaryColumns;  // get utf8mb4_bin whatever they had
  std::vector<std::string> keptColumns;    // stay as they are
};

class Utf8mb4Task final : public services::UpdateTask {
 public:
  Utf8mb4Task(std::string name, std::vector<Utf8mb4Table> tables,
              std::vector<std::string> dependencies = {})
      : name_(std::move(name)), tables_(std::move(tables)),
        dependencies_(std::move(dependencies)) {}
  const std::string& name() const override { return name_; }
  std::vector<std::string> dependencies() const override { return dependencies_; }
  std::string nameSpace() const override { return kUtf8mb4NameSpace; }
  std::string description() const override;  // names the tables
  Status perform(services::UpdateContext& context) override;
  Result<std::vector<std::string>> preview(services::UpdateContext& context) override;

 private:
  std::string name_;
  std::vector<Utf8mb4Table> tables_;
  std::vector<std::string> dependencies_;
};

// Pure: the statement that converts the table, or empty when nothing is left to do.
std::string utf8mb4Statement(const TableInfo& table, const Utf8mb4Table& wanted);

}  // namespace ox::update
