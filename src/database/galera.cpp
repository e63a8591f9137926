#include "database/galera.h"

namespace ox::db {

GaleraState galeraState(Connection& connection) {
  GaleraState out;
  if (!connection.onGalera()) return out;
  auto rows = connection.query("SELECT @@wsrep_on, @@wsrep_OSU_method");
  if (!rows || rows->empty()) return out;
  out.on = rows->front().boolean(0);
  out.schemaUpgrade = rows->front().text(1);
  return out;
}

}  // namespace ox::db
