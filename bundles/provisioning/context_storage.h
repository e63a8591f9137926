// Creating and listing contexts.
//
// One transaction on configdb carries the counters, the context and its log-in infos; the payload
// transaction on the user schema commits just before it. So a failure at any place leaves neither
// counters nor rows behind; when the last commit fails, the payload is deleted again.
// Threads: any blocking thread. Errors: ADM-*.
// Source: the original's OXContextMySQLStorage.create and its order of writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user_storage.h"
#include "util_storage.h"

namespace ox::provisioning {

struct NewContext {
  std::optional<std::int32_t> id;
  std::string name;  // empty = the id
  std::int64_t quotaMb = -1;
  std::vector<std::string> mappings;
  std::optional<std::int32_t> filestoreId;
  std::optional<std::int32_t> databaseId;
  std::string schema;  // empty = chosen by load
  NewUser admin;
};

struct CreatedContext {
  std::int32_t id = 0;
  std::int32_t databaseId = 0;
  std::string schema;
  std::int32_t adminId = 0;
};

struct ListedContext {
  std::int32_t id = 0;
  std::int32_t filestoreId = 0;
  std::string filestoreName;
  bool enabled = true;
  std::int64_t quotaMb = 0;
  std::int64_t usedMb = 0;
  std::string name;
  std::vector<std::string> mappings;
};

class ContextStorage {
 public:
  ContextStorage(Surroundings surroundings, std::shared_ptr<UtilStorage> util)
      : around_(std::move(surroundings)), util_(std::move(util)) {}

  Result<CreatedContext> create(const NewContext& context);
  Result<std::vector<ListedContext>> list(const std::string& pattern, bool ignoreCase);

 private:
  struct Place {
    services::SchemaRef schema;
    std::int32_t serverId = 0;
    std::int32_t readPoolId = 0;
    std::int32_t filestoreId = 0;
  };
  std::string check(const NewContext& context) const;
  Result<services::SchemaRef> chooseSchema(const NewContext& context);
  Result<std::int32_t> takeFilestore(db::Connection& config, const NewContext& context);
  Status count(db::Connection& config, const services::SchemaRef& schema, bool limited);
  Status insertConfig(db::Connection& config, const NewContext& context, std::int32_t id,
                      const Place& place, std::vector<std::string>& infos);
  Result<std::int32_t> insertPayload(db::Connection& schema, const NewContext& context,
                                     std::int32_t id);
  Result<CreatedContext> createIn(const NewContext& context, const services::SchemaRef& schema);
  Status fillUsage(std::vector<ListedContext>& contexts, db::Connection& config);

  const Surroundings around_;
  const std::shared_ptr<UtilStorage> util_;
};

}  // namespace ox::provisioning
