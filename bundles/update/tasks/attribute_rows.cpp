#include "attribute_rows.h"

#include "row_changes.h"
#include "update_table.h"

namespace ox::update {
namespace {

struct Stored {
  std::string name;
  std::string nameHex;
  std::string valueHex;
};

// One group of names that the key would not tell apart.
class Group {
 public:
  Group(services::UpdateContext& context, const std::string& table,
        const std::vector<std::string>& owner, const db::Row& row)
      : context_(context), table_(table), owner_(owner) {
    for (std::size_t i = 0; i < owner.size(); ++i)
      ids_.push_back(std::to_string(row.integer(i)));
    name_ = row.text(owner.size());
  }

  // Each row is one statement of its own: what a crash leaves undone is a smaller group. Equal values
  // go first, so that none of them gets a name because its twin has one already.
  Status separate() {
    auto rows = readRows(context_,
                         "SELECT name, HEX(name), HEX(value) FROM " + table_ + where() +
                             " AND name = ? ORDER BY HEX(value) DESC, BINARY name",
                         {name_});
    if (!rows) return rows.error();
    std::vector<Stored> kept;
    for (const db::Row& row : *rows) {
      Stored stored{row.text(0), row.text(1), row.text(2)};
      if (kept.empty() || kept.back().valueHex != stored.valueHex) {
        kept.push_back(std::move(stored));
        continue;
      }
      auto gone = changeRows(context_, "DELETE FROM " + table_ + one(stored));
      if (!gone) return gone.error();
      ++equal_;
    }
    for (std::size_t i = 1; i < kept.size(); ++i)
      if (Status s = rename(kept[i]); !s) return s;
    return {};
  }

  std::string line() const {
    std::string out = table_ + ": context " + ids_[0];
    if (ids_.size() > 1) out += ", user " + ids_[1];
    out += " had '" + name_ + "' more than once: ";
    if (equal_ > 0) out += std::to_string(equal_) + " with an equal value became one";
    if (!renamed_.empty()) {
      if (equal_ > 0) out += "; ";
      out += "the greatest value keeps the name, other values are now";
      for (const std::string& name : renamed_) out += " '" + name + "'";
    }
    return out;
  }

 private:
  std::string where() const {
    std::string out;
    for (std::size_t i = 0; i < owner_.size(); ++i)
      out += (i == 0 ? " WHERE " : " AND ") + owner_[i] + " = " + ids_[i];
    return out;
  }
  // Exactly one row that looks like this; rows that look the same are interchangeable.
  std::string one(const Stored& row) const {
    return where() + " AND name = " + textLiteral(row.name) + " AND HEX(name) = '" + row.nameHex +
           "' AND HEX(value) = '" + row.valueHex + "' LIMIT 1";
  }
  Status rename(const Stored& row) {
    for (int number = 2; number < kMaxNameSuffix; ++number) {
      const std::string name = suffixedName(row.name, number);
      auto taken = readRows(
          context_, "SELECT 1 FROM " + table_ + where() + " AND name = ? LIMIT 1", {name});
      if (!taken) return taken.error();
      if (!taken->empty()) continue;
      auto done = changeRows(context_, "UPDATE " + table_ + " SET name = " + textLiteral(name) +
                                           one(row));
      if (!done) return done.error();
      renamed_.push_back(name);
      return {};
    }
    return Error(Code::kUpdTaskFailed, line() + "; no free name was found for a further value");
  }

  services::UpdateContext& context_;
  const std::string table_;
  const std::vector<std::string>& owner_;
  std::vector<std::string> ids_;
  std::string name_;
  std::size_t equal_ = 0;
  std::vector<std::string> renamed_;
};

}  // namespace

std::string suffixedName(const std::string& name, int number) {
  const std::string suffix = "~" + std::to_string(number);
  std::size_t characters = 0;
  std::size_t end = 0;
  while (end < name.size() && characters < kMaxAttributeName - suffix.size()) {
    ++end;
    while (end < name.size() && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) ++end;
    ++characters;
  }
  return name.substr(0, end) + suffix;
}

Status separateNames(services::UpdateContext& context, const std::string& table,
                     const std::vector<std::string>& owner) {
  auto exists = tableExists(context.connection, table);
  if (!exists) return exists.error();
  if (!*exists) return {};
  std::string columns;
  for (const std::string& column : owner) columns += column + ", ";
  auto groups = readRows(context, "SELECT " + columns + "name FROM " + table + " GROUP BY " +
                                      columns + "name HAVING COUNT(*) > 1");
  if (!groups) return groups.error();
  std::size_t told = 0;
  for (const db::Row& row : *groups) {
    if (context.superseded()) return Error(Code::kUpdSuperseded);
    Group group(context, table, owner, row);
    if (Status s = group.separate(); !s) return s;
    if (told++ < kMaxNamesLogged) context.progress(group.line());
  }
  if (told > kMaxNamesLogged)
    context.progress(table + ": " + std::to_string(told) + " names in all stood there repeatedly");
  return {};
}

}  // namespace ox::update
