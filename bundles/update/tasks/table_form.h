// The form that tables of a user schema have since release 7.10.6, and the statement that brings an
// older table nearer to it.
//
// Purpose:   one declaration of columns and keys (user_schema_form.cpp) that the tasks refer to by
//            name; the difference between it and information_schema becomes one ALTER TABLE.
// Character sets are not part of the form: a text column keeps its own, a new one gets the table's;
//            the tasks of the namespace groupware.utf8mb4 change them.
// Threads:   pure functions on values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "table_info.h"

namespace ox::update {

struct ColumnForm {
  std::string name;
  std::string type;  // as COLUMN_TYPE, integers without a display width
  bool nullable = false;
  std::optional<std::string> defaultSql;
  // SQL for rows that have NULL where the form allows none, computed for each row.
  std::string fill;
};

struct TableForm {
  std::string name;
  std::vector<ColumnForm> columns;  // in the order of the table
  std::vector<IndexInfo> keys;      // without those that a foreign key brings along
  // Keys of earlier releases, by their columns, whatever their name; the form has others instead.
  std::vector<std::vector<IndexPart>> obsolete;
  const ColumnForm& column(const std::string& name) const;  // must exist
  const IndexInfo& key(const std::string& name) const;      // must exist
};

// What one task is responsible for.
struct FormPart {
  std::string table;
  std::vector<std::string> columns;
  std::vector<std::string> keys;
};

const std::vector<TableForm>& userSchemaForm();
const TableForm& tableForm(const std::string& table);  // must exist

// Empty when nothing of the part is different. A missing column without default that must not be
// NULL is added as NULL first: the rows are filled, then the next statement closes it.
std::string formStatement(const TableInfo& table, const TableForm& form, const FormPart& part);

// Columns of the part that are there, still allow NULL, and have something to be filled with.
std::vector<const ColumnForm*> columnsToFill(const TableInfo& table, const TableForm& form,
                                             const FormPart& part);

// "int(10) unsigned" -> "int unsigned": MySQL 8 shows no display width. tinyint(1) stays.
std::string plainType(const std::string& columnType);

}  // namespace ox::update
