// Is this server a node of a Galera cluster?
//
// Purpose:   there row locks are known to one node only, conflicts show at COMMIT, and a change of a
//            table's form stops all nodes; whoever depends on that asks here.
// Cost:      nothing elsewhere; on Galera one question.
// Threads:   asks on the caller's connection.
// Errors:    none: a server that cannot say (MySQL, or no answer) counts as no Galera node.
// source: variables wsrep_on, wsrep_OSU_method of MariaDB.
#pragma once

#include <string>

#include "database/connection.h"

namespace ox::db {

struct GaleraState {
  bool on = false;
  std::string schemaUpgrade;  // wsrep_OSU_method: "TOI", "RSU"
};

GaleraState galeraState(Connection& connection);

}  // namespace ox::db
