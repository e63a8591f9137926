#include "database/galera.h"

namespace ox::db {

GaleraState galeraState(Connection& connection) {
  GaleraState out;
  auto rows = connection.query(
      "SHOW SESSION VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_OSU_method')");
  if (!rows) return out;
  for (const Row& row : *rows) {
    if (row.text(0) == "wsrep_on") out.on = row.text(1) == "ON";
    else out.schemaUpgrade = row.text(1);
  }
  return out;
}

}  // namespace ox::db
