#include "alias_rows.h"

#include "row_changes.h"
#include "update_table.h"

namespace ox::update {
namespace {

// As release 7.8 made it. The column stays utf8 for ever: with four bytes per character its primary
// key would exceed what older row formats hold.
constexpr const char* kCreate =
    "CREATE TABLE IF NOT EXISTS user_alias (cid INT UNSIGNED NOT NULL, user INT UNSIGNED NOT NULL, "
    "alias VARCHAR(255) NOT NULL, uuid BINARY(16) DEFAULT NULL, PRIMARY KEY (cid, user, alias)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci";

// The attribute `t` and the alias `a` are the same, byte by byte.
constexpr const char* kSame =
    "a.cid = t.cid AND a.user = t.id AND a.alias = t.value AND HEX(CONVERT(a.alias USING utf8mb4)) "
    "= HEX(CONVERT(t.value USING utf8mb4))";

// Is there anything to take aliases from and to put them into?
Result<bool> bothTables(services::UpdateContext& context) {
  for (const char* table : {"user_attribute", "user_alias"}) {
    auto there = tableExists(context.connection, table);
    if (!there || !*there) return there;
  }
  return true;
}

Result<std::int64_t> remaining(services::UpdateContext& context) {
  auto rows = readRows(context, "SELECT COUNT(*) FROM user_attribute WHERE name = 'alias'");
  if (!rows) return rows.error();
  return rows->front().integer(0);
}

}  // namespace

Status createAliasTable(services::UpdateContext& context) {
  auto there = tableExists(context.connection, "user_alias");
  if (!there) return there.error();
  if (*there) return {};
  if (Status s = changeForm(context, kCreate); !s) return s;
  context.progress("table user_alias created");
  return {};
}

Status copyAliases(services::UpdateContext& context) {
  auto both = bothTables(context);
  if (!both) return both.error();
  if (!*both) return {};
  // IGNORE is for values that are equal by letters; what would be cut or spoilt is not selected.
  auto copied = changeByContext(
      context, "user_attribute",
      std::string("INSERT IGNORE INTO user_alias (cid, user, alias) SELECT t.cid, t.id, t.value "
                  "FROM user_attribute t LEFT JOIN user_alias a ON ") + kSame +
          " WHERE t.name = 'alias' AND a.cid IS NULL AND CHAR_LENGTH(t.value) <= 255 AND "
          "HEX(CONVERT(CONVERT(t.value USING utf8) USING utf8mb4)) = "
          "HEX(CONVERT(t.value USING utf8mb4)) AND t.cid = ");
  if (!copied) return copied.error();
  if (*copied > 0)
    context.progress(std::to_string(*copied) + " aliases copied from user_attribute to user_alias");
  return {};
}

Status copyAliasUuids(services::UpdateContext& context) {
  auto both = bothTables(context);
  if (!both) return both.error();
  if (!*both) return {};
  auto copied = changeByContext(
      context, "user_attribute",
      std::string("UPDATE user_alias a JOIN user_attribute t ON ") + kSame +
          " SET a.uuid = t.uuid WHERE t.name = 'alias' AND a.uuid IS NULL AND t.uuid IS NOT NULL "
          "AND t.cid = ");
  if (!copied) return copied.error();
  if (*copied > 0)
    context.progress(std::to_string(*copied) + " aliases have the uuid of their attribute now");
  return {};
}

Status removeCopiedAliases(services::UpdateContext& context) {
  auto both = bothTables(context);
  if (!both) return both.error();
  if (!*both) return {};
  auto removed = changeByContext(
      context, "user_attribute",
      std::string("DELETE t FROM user_attribute t JOIN user_alias a ON ") + kSame +
          " WHERE t.name = 'alias' AND t.cid = ");
  if (!removed) return removed.error();
  if (*removed == 0) return {};
  auto left = remaining(context);
  if (!left) return left.error();
  std::string line = std::to_string(*removed) + " attributes that are rows of user_alias removed";
  if (*left > 0)
    line += "; " + std::to_string(*left) +
            " values stay attributes: too long, with a character of four bytes, or equal to "
            "another alias by letters";
  context.progress(line);
  return {};
}

}  // namespace ox::update
