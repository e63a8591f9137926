// What configdb.properties and dbconnector.yaml say about connections and pools.
//
// Threads: pure functions. Errors: DB-0004 names the key.
// Source: the original's configdb.properties (readUrl, readProperty.N = name=value, maxActive, ...).
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "database/connection.h"
#include "database/pool.h"

namespace ox::database {

// What holds for every connection: dbconnector.yaml and the statement timeout.
Result<db::ConnectionSettings> baseSettings(const config::Config& config);
Result<db::ConnectionSettings> configDbSettings(const config::Config& config, bool write);
db::PoolLimits poolLimits(const config::Config& config);

// A row of db_pool: its URL, account and own limits (hardlimit true = BLOCK, false = GROW).
struct PoolRow {
  std::int32_t id = 0;
  std::string name;
  std::string url;
  std::string login;
  std::string password;
  bool hardLimitSet = false;
  bool hardLimit = true;
  std::int64_t max = 0;  // <= 0 = maxActive of configdb.properties
  bool operator==(const PoolRow&) const = default;
};
// `base` < parameters of the row's URL < the row's account.
Result<db::ConnectionSettings> poolSettings(const PoolRow& row, const db::ConnectionSettings& base);
db::PoolLimits poolLimits(const db::PoolLimits& general, const PoolRow& row);

}  // namespace ox::database
