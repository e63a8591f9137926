// Schemas: listed, created in advance, removed when empty, switched off and on, given to a server.
//
// Threads: any blocking thread. Errors: ADM-0103, ADM-0106.
// Source: the original's tools of these names; the reason of a disabled schema is
// SCHEMA_MOVE_MAINTENANCE_REASON.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "util_storage.h"

namespace ox::provisioning {

struct ListedSchema {
  std::int32_t databaseId = 0;
  std::string databaseName;
  std::string schema;
  std::int64_t contexts = 0;
  std::int64_t createdMillis = 0;  // 0 = not known
};

struct SchemaCount {
  std::int32_t databaseId = 0;
  std::string databaseName;
  std::int64_t schemas = 0;
};

class SchemaChanges {
 public:
  static constexpr std::int64_t kMaxAtOnce = 1000;

  SchemaChanges(Surroundings surroundings, std::shared_ptr<UtilStorage> util)
      : around_(std::move(surroundings)), util_(std::move(util)), journal_(around_) {}

  // Of one database, or of all.
  Result<std::vector<ListedSchema>> list(const NamedRef& database);
  Result<std::vector<SchemaCount>> count(const NamedRef& database);
  Result<std::vector<services::SchemaRef>> create(std::optional<std::int32_t> databaseId,
                                                  std::int64_t number);
  // All without contexts, or only `schema`; `keep` of each database stay. What was dropped.
  Result<std::vector<services::SchemaRef>> removeEmpty(const NamedRef& database,
                                                       const std::string& schema,
                                                       std::int64_t keep);
  // Number of contexts concerned. Off: those that are enabled, their sessions end on all nodes.
  // On: those that were switched off so.
  Result<std::size_t> setEnabled(const std::string& schema, bool enabled);
  Result<std::size_t> changeServer(const std::string& schema, std::int32_t serverId);

 private:
  Result<bool> removeOne(const services::SchemaRef& schema);
  const Surroundings around_;
  const std::shared_ptr<UtilStorage> util_;
  Journal journal_;
};

}  // namespace ox::provisioning
