#include "update_table_rows.h"

#include "database/schema_state.h"
#include "row_changes.h"
#include "update_table.h"

namespace ox::update {
namespace {

std::string random() { return tableForm("updateTask").column("uuid").fill; }

std::string notLocks() {
  return std::string("taskName NOT IN ('") + db::kLockedName + "', '" + db::kBackgroundName + "')";
}

}  // namespace

Status giveUuids(services::UpdateContext& context) {
  std::uint64_t all = 0;
  for (const auto& [name, uuid] : {std::pair{db::kLockedName, db::kLockedUuidHex},
                                   std::pair{db::kBackgroundName, db::kBackgroundUuidHex}}) {
    auto done = changeRows(context, std::string("UPDATE updateTask SET uuid = x'") + uuid +
                                        "' WHERE taskName = '" + name + "' AND uuid IS NULL");
    if (!done) return done.error();
    all += *done;
  }
  auto done = changeInPortions(
      context, "updateTask",
      "UPDATE updateTask SET uuid = " + random() + " WHERE uuid IS NULL AND " + notLocks());
  if (!done) return done.error();
  all += *done;
  if (all > 0) context.progress(std::to_string(all) + " rows of updateTask have a uuid now");
  return {};
}

Status dropDuplicateTasks(services::UpdateContext& context) {
  auto names = readRows(context,
                        "SELECT MIN(taskName), HEX(taskName) FROM updateTask WHERE cid = 0 "
                        "GROUP BY HEX(taskName) HAVING COUNT(*) > 1");
  if (!names) return names.error();
  for (const db::Row& name : *names) {
    auto rows = readRows(context,
                         "SELECT HEX(uuid), lastModified, successful FROM updateTask WHERE cid = 0 "
                         "AND HEX(taskName) = ? ORDER BY lastModified DESC, successful DESC",
                         {name.text(1)});
    if (!rows) return rows.error();
    for (std::size_t i = 1; i < rows->size(); ++i) {
      const db::Row& row = (*rows)[i];
      auto gone = changeRows(
          context, "DELETE FROM updateTask WHERE cid = 0 AND HEX(taskName) = '" + name.text(1) +
                       "' AND uuid <=> " + (row.isNull(0) ? "NULL" : "x'" + row.text(0) + "'") +
                       " AND lastModified = " + std::to_string(row.integer(1)) +
                       " AND successful = " + std::to_string(row.integer(2)) + " LIMIT 1");
      if (!gone) return gone.error();
    }
    context.progress("updateTask named " + name.text(0) + " " + std::to_string(rows->size()) +
                     " times; its latest row stays");
  }
  return {};
}

Status separateUuids(services::UpdateContext& context) {
  auto rows = readRows(context,
                       "SELECT HEX(uuid) FROM updateTask WHERE cid = 0 AND uuid IS NOT NULL GROUP "
                       "BY uuid HAVING COUNT(*) > 1");
  if (!rows) return rows.error();
  for (const db::Row& row : *rows) {
    auto done = changeRows(context, "UPDATE updateTask SET uuid = " + random() +
                                        " WHERE cid = 0 AND uuid = x'" + row.text(0) + "' AND " +
                                        notLocks());
    if (!done) return done.error();
    context.progress(std::to_string(*done) + " tasks had the same uuid in updateTask");
  }
  return {};
}

}  // namespace ox::update
