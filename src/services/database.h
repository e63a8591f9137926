// Databases of the installation. Offered by bundles/database as "database".
//
// Purpose:   pooled connections to configdb and to the user schemas, and where each context lives.
// Threads:   any blocking-pool thread; calls block on the network. Never from a shard thread.
// Ownership: a Lease gives its connection back when destroyed.
// Errors:    DB-* from the database, CTX-* for contexts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/connection.h"

namespace ox::services {

// A user schema: master pool and name. Source: table db_pool, contexts_per_dbschema.
struct SchemaRef {
  std::int32_t writePoolId = 0;
  std::string schema;
  bool operator==(const SchemaRef&) const = default;
  auto operator<=>(const SchemaRef&) const = default;
};

// Row of context_server2db_pool.
struct Assignment {
  std::int32_t contextId = 0;
  std::int32_t readPoolId = 0;
  std::int32_t writePoolId = 0;
  std::string schema;
};

class DatabaseService {
 public:
  virtual ~DatabaseService() = default;
  virtual Result<db::Lease> configRead() = 0;
  virtual Result<db::Lease> configWrite() = 0;

  virtual Result<Assignment> assignment(std::int32_t contextId) = 0;
  virtual Result<db::Lease> read(std::int32_t contextId) = 0;
  virtual Result<db::Lease> write(std::int32_t contextId) = 0;
  // Connection to a schema on its master; `longRunning` = without read timeout (update tasks).
  virtual Result<db::Lease> schemaWrite(const SchemaRef& schema, bool longRunning = false) = 0;
  // Without a database selected, for CREATE/DROP DATABASE.
  virtual Result<db::Lease> pool(std::int32_t poolId) = 0;

  virtual Result<std::vector<SchemaRef>> schemas() = 0;
  virtual Result<SchemaRef> findSchema(const std::string& schemaName) = 0;  // UPD-0016
  virtual Result<std::vector<std::int32_t>> contextsIn(const SchemaRef& schema) = 0;
  // Forget what is cached about a context's place or about pools.
  virtual void invalidate(std::int32_t contextId) = 0;
  virtual void invalidatePools() = 0;
  virtual std::int32_t serverId() = 0;  // of SERVER_NAME; 0 when not registered
};

}  // namespace ox::services
