// The tables of a user schema: creators that say what they create and what must be there before.
//
// Threads: pure data and functions. Errors: ADM-0106 lists creators whose needs nobody creates.
// Source: the original's CreateTableService implementations (CreateLdap2SqlTables and others).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "database/connection.h"

namespace ox::provisioning {

struct TableCreator {
  std::string name;
  std::vector<std::string> needs;    // tables
  std::vector<std::string> creates;  // tables
  std::vector<std::string> statements;
};

const std::vector<TableCreator>& tableCreators();
// Tables "sequence_..." with one row per context.
const std::vector<std::string>& sequenceTables();
// In an order in which each finds its tables.
Result<std::vector<const TableCreator*>> orderCreators(const std::vector<TableCreator>& creators);
Status createTables(db::Connection& schema);

}  // namespace ox::provisioning
