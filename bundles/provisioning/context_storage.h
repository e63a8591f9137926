// Contexts: creating, changing, removing, listing.
//
// One transaction on configdb carries the counters, the context and its log-in infos; the payload
// transaction on the user schema commits just before it. So a failure at any place leaves neither
// counters nor anything that can be seen; what a node that died left in the schema is named by the
// journal and removed by the next call (journal.h). A removal disables the context first and takes
// its rows in configdb last: when it is interrupted, the same call finishes it.
// Threads: any blocking thread. Errors: ADM-*.
// Source: the original's OXContextMySQLStorage.create and its order of writes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "journal.h"
#include "user_storage.h"
#include "util_storage.h"

namespace ox::provisioning {

inline constexpr int kMaxWaitingMoves = 8;

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

struct ContextChange {
  std::optional<std::string> name;
  std::optional<std::int64_t> quotaMb;
  std::vector<std::string> addMappings;
  std::vector<std::string> removeMappings;
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
      : around_(std::move(surroundings)), util_(std::move(util)), journal_(around_) {}

  Result<CreatedContext> create(const NewContext& context);
  Result<std::vector<ListedContext>> list(const std::string& pattern, bool ignoreCase);
  Status change(std::int32_t id, const ContextChange& change);
  // Off: logins and requests are refused, sessions end on all nodes. May be repeated.
  Status setEnabled(std::int32_t id, bool enabled, std::optional<std::int64_t> reasonId);
  Status remove(std::int32_t id);
  // To a schema of this database; the context is disabled meanwhile. Where it is now. RUN-0005 when
  // too many wait for their turn.
  Result<services::SchemaRef> move(std::int32_t id, std::int32_t databaseId);

 private:
  struct Place {
    services::SchemaRef schema;
    std::int32_t serverId = 0;
    std::int32_t readPoolId = 0;
    std::int32_t filestoreId = 0;
  };
  std::string check(const NewContext& context) const;
  // Keeps the schema from being removed until the end of the transaction; alone: nobody else writes a
  // context into its database meanwhile (LOCK_ON_WRITE_CONTEXT_INTO_PAYLOAD_DB).
  static Status lockPlace(db::Connection& config, const services::SchemaRef& schema, bool alone);
  // Raises the counters of a database and schema, lowers them.
  Status count(db::Connection& config, const services::SchemaRef& schema, bool limited);
  static Status uncount(db::Connection& config, const services::SchemaRef& schema);
  // The wanted or the least filled schema.
  Result<services::SchemaRef> chooseSchema(std::optional<std::int32_t> databaseId,
                                           const std::string& schema);
  Status moveNoted(const JournalEntry& entry);
  std::string checkMappings(const std::vector<std::string>& mappings) const;
  Result<std::vector<std::string>> infosOf(db::Connection& config, std::int32_t id);
  // Not while its schema is being updated; a disabled one is fine.
  Status enter(std::int32_t id);
  Result<std::int32_t> chooseFilestore(db::Connection& config, const NewContext& context);
  // Raises the counters of database, schema and file store; DB-0006 (choose again) when one is full.
  Status countAll(db::Connection& config, const NewContext& context, const Place& place);
  Status insertConfig(db::Connection& config, const NewContext& context, std::int32_t id,
                      const Place& place, std::vector<std::string>& infos);
  Result<std::int32_t> insertPayload(db::Connection& schema, const NewContext& context,
                                     std::int32_t id);
  Result<CreatedContext> createIn(const NewContext& context, const services::SchemaRef& schema);
  Result<CreatedContext> createNoted(const NewContext& context, const JournalEntry& entry,
                                     std::int32_t serverId, std::vector<std::string>& infos);
  Status fillUsage(std::vector<ListedContext>& contexts, db::Connection& config);

  const Surroundings around_;
  const std::shared_ptr<UtilStorage> util_;
  Journal journal_;
  // Moves under way on this node (CONCURRENT_JOBS) and those that wait, each with a thread of the
  // management port.
  std::mutex movesMutex_;
  std::condition_variable moveEnded_;
  std::int64_t moves_ = 0;
  int waitingMoves_ = 0;
};

}  // namespace ox::provisioning
