#include "table_form.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/check.h"

namespace ox::update {
namespace {

bool isText(const std::string& type) {
  return type.rfind("varchar", 0) == 0 || type.rfind("char", 0) == 0 || type == "text";
}

// 'x' and x, NULL and nothing are the same default.
std::string plainDefault(const std::optional<std::string>& sql) {
  if (!sql || *sql == "NULL") return "NULL";
  if (sql->size() >= 2 && sql->front() == '\'' && sql->back() == '\'')
    return "=" + sql->substr(1, sql->size() - 2);
  return "=" + *sql;
}

bool sameColumn(const ColumnInfo& have, const ColumnForm& want) {
  return plainType(have.type) == want.type && have.nullable == want.nullable &&
         plainDefault(have.defaultSql) == plainDefault(want.defaultSql);
}

std::string definition(const ColumnForm& want, const ColumnInfo* have, bool nullable) {
  std::string out = quoteName(want.name) + " " + want.type;
  if (have != nullptr && !have->charset.empty() && isText(want.type))
    out += " CHARACTER SET " + have->charset + " COLLATE " + have->collation;
  out += nullable ? " NULL" : " NOT NULL";
  if (want.defaultSql) out += " DEFAULT " + *want.defaultSql;
  if (have != nullptr && !have->comment.empty()) out += " COMMENT " + quoteText(have->comment);
  return out;
}

// Behind the nearest column that stands before it in the form and in the table.
std::string place(const TableForm& form, const TableInfo& table,
                  const std::vector<std::string>& added, const std::string& name) {
  std::string before;
  for (const ColumnForm& column : form.columns) {
    if (column.name == name) break;
    if (table.hasColumn(column.name) ||
        std::find(added.begin(), added.end(), column.name) != added.end())
      before = column.name;
  }
  return before.empty() ? " FIRST" : " AFTER " + quoteName(before);
}

std::string partsSql(const std::vector<IndexPart>& parts) {
  std::string out;
  for (const IndexPart& part : parts) {
    if (!out.empty()) out += ", ";
    out += quoteName(part.column);
    if (part.prefix > 0) out += "(" + std::to_string(part.prefix) + ")";
  }
  return "(" + out + ")";
}

bool sameParts(const std::vector<IndexPart>& a, const std::vector<IndexPart>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const IndexPart& x, const IndexPart& y) {
                      return x.column == y.column && x.prefix == y.prefix;
                    });
}

bool isPrefixOf(const std::vector<IndexPart>& shorter, const std::vector<IndexPart>& longer) {
  return shorter.size() <= longer.size() &&
         sameParts(shorter, {longer.begin(), longer.begin() + static_cast<long>(shorter.size())});
}

std::string addKey(const IndexInfo& key) {
  const std::string parts = " " + partsSql(key.parts);
  if (key.name == kPrimary) return ", ADD PRIMARY KEY" + parts;
  return std::string(", ADD ") + (key.unique ? "UNIQUE " : "") + "INDEX " + quoteName(key.name) +
         parts;
}

std::string dropKey(const std::string& name) {
  return name == kPrimary ? ", DROP PRIMARY KEY" : ", DROP INDEX " + quoteName(name);
}

// The index is no longer needed when the wanted key is there: it is a key of an earlier release, or
// the new primary key begins with its columns (a foreign key had brought it along).
bool replaced(const IndexInfo& index, const IndexInfo& wanted, const TableForm& form) {
  if (std::any_of(form.keys.begin(), form.keys.end(),
                  [&](const IndexInfo& key) { return key.name == index.name; }))
    return false;
  if (std::any_of(form.obsolete.begin(), form.obsolete.end(),
                  [&](const auto& parts) { return sameParts(parts, index.parts); }))
    return true;
  return wanted.name == kPrimary && !index.unique && isPrefixOf(index.parts, wanted.parts);
}

std::string columnChanges(const TableInfo& table, const TableForm& form, const FormPart& part) {
  std::string out;
  std::vector<std::string> added;
  for (const std::string& name : part.columns) {
    const ColumnForm& want = form.column(name);
    const ColumnInfo* have = table.column(name);
    if (have == nullptr) {
      const bool open = want.nullable || (!want.fill.empty() && !want.defaultSql);
      out += ", ADD COLUMN " + definition(want, nullptr, open) + place(form, table, added, name);
      added.push_back(name);
    } else if (!sameColumn(*have, want)) {
      out += ", MODIFY COLUMN " + definition(want, have, want.nullable);
    }
  }
  return out;
}

std::string keyChanges(const TableInfo& table, const TableForm& form, const FormPart& part) {
  std::string out;
  std::set<std::string> dropped;
  const auto drop = [&](const std::string& name) {
    if (dropped.insert(name).second) out += dropKey(name);
  };
  for (const std::string& name : part.keys) {
    const IndexInfo& want = form.key(name);
    const IndexInfo* have = table.index(name);
    if (have == nullptr || have->unique != want.unique || !sameParts(have->parts, want.parts)) {
      if (have != nullptr) drop(name);
      out += addKey(want);
    }
    for (const IndexInfo& index : table.indexes)
      if (index.name != name && replaced(index, want, form)) drop(index.name);
  }
  return out;
}

}  // namespace

const ColumnForm& TableForm::column(const std::string& wanted) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const ColumnForm& c) { return c.name == wanted; });
  OX_CHECK(found != columns.end());
  return *found;
}

const IndexInfo& TableForm::key(const std::string& wanted) const {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const IndexInfo& k) { return k.name == wanted; });
  OX_CHECK(found != keys.end());
  return *found;
}

const TableForm& tableForm(const std::string& table) {
  const auto& all = userSchemaForm();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const TableForm& f) { return f.name == table; });
  OX_CHECK(found != all.end());
  return *found;
}

std::string plainType(const std::string& columnType) {
  std::string out;
  for (const char c : columnType)
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t open = out.find("int(");
  if (open == std::string::npos || out.rfind("tinyint(", 0) == 0) return out;
  const std::size_t close = out.find(')', open);
  return close == std::string::npos ? out : out.substr(0, open + 3) + out.substr(close + 1);
}

std::string formStatement(const TableInfo& table, const TableForm& form, const FormPart& part) {
  const std::string changes = columnChanges(table, form, part) + keyChanges(table, form, part);
  return changes.empty() ? std::string()
                         : "ALTER TABLE " + quoteName(table.name) + " " + changes.substr(2);
}

std::vector<const ColumnForm*> columnsToFill(const TableInfo& table, const TableForm& form,
                                             const FormPart& part) {
  std::vector<const ColumnForm*> out;
  for (const std::string& name : part.columns) {
    const ColumnForm& want = form.column(name);
    const ColumnInfo* have = table.column(name);
    if (have != nullptr && have->nullable && !want.nullable && !want.fill.empty())
      out.push_back(&want);
  }
  return out;
}

}  // namespace ox::update
