// Changing and taking away what was registered: databases, file stores, servers.
//
// Threads: any blocking thread. Errors: ADM-0103 with the reason when something is still used.
// All nodes look at the rows of db_pool again after a change (announce.h).
// Source: the original's OXUtil storage: changeDatabase, unregisterDatabase and the like.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "database_roles.h"
#include "util_storage.h"

namespace ox::provisioning {

struct DatabaseChange {
  std::optional<std::string> name, host, user, password, driver;
  std::optional<bool> master;            // see database_roles.h
  std::optional<std::int32_t> masterId;  // of a slave: it goes over to this master
  std::optional<std::int64_t> weight, maxUnits, poolInitial, poolMax;
  std::optional<bool> hardLimit;
};

struct FilestoreChange {
  std::optional<std::string> uri;
  std::optional<std::int64_t> sizeMb, maxContexts;
};

class DatabaseChanges {
 public:
  DatabaseChanges(Surroundings surroundings, std::shared_ptr<UtilStorage> util)
      : around_(std::move(surroundings)), util_(std::move(util)) {}

  // The id of what was changed or taken away.
  Result<std::int32_t> changeDatabase(const NamedRef& database, const DatabaseChange& change);
  Result<std::int32_t> unregisterDatabase(const NamedRef& database);
  Result<std::int32_t> changeFilestore(std::int32_t id, const FilestoreChange& change);
  Result<std::int32_t> unregisterFilestore(std::int32_t id);
  Result<std::int32_t> unregisterServer(const NamedRef& server);

 private:
  Status applyChange(db::Connection& config, const Database& now, const DatabaseChange& change);
  Status mayBeMaster(const RoleChange& role);
  const Surroundings around_;
  const std::shared_ptr<UtilStorage> util_;
};

}  // namespace ox::provisioning
