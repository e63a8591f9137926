// UpdateServiceImpl: the service "updates".
//
// Purpose:   gathers the installed tasks (own ones, those of other bundles, SQL files), reads the
//            exclusions, and runs, lists or marks them.
// Threads:   any; run() blocks for the whole run. stop() refuses new callers, waits for those
//            inside; a running task is finished first, the next is not begun.
// Ownership: shares the services it uses until destroyed.
// Errors:    see services/updates.h; RUN-0002 after stop().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/gate.h"
#include "config/config.h"
#include "copy_run.h"
#include "implicit.h"
#include "plan.h"
#include "runner.h"
#include "services/cache_events.h"
#include "services/database.h"
#include "services/updates.h"
#include "services/upgrade_bridge.h"

namespace ox::update {

// One line of checkdatabase.
struct DatabaseStatus {
  std::int32_t poolId = 0;
  std::string name;
  std::string url;     // as in db_pool
  std::string schema;
  std::string status;  // one of the words below
};
inline constexpr const char* kStatusNeedsUpdate = "Needs update";
inline constexpr const char* kStatusRunning = "Blocking updates running";
inline constexpr const char* kStatusTooLong = "Blocking updates running for too long";
inline constexpr const char* kStatusUnreachable = "Not reachable";
inline constexpr std::size_t kMaxCheckThreads = 16;  // of checkDatabases()
inline constexpr std::int64_t kTooLongMillis = 24LL * 3600 * 1000;
// So long a run waits for an older cluster to be told; what it does not hear of is in the log.
inline constexpr std::int64_t kBridgeWaitMillis = 120'000;

// Pure: the word for one schema, empty when it is up to date. A stale lock is no running update.
std::string statusWord(const SchemaUpdates& updates, bool pending);

class UpdateServiceImpl final : public services::UpdateService {
 public:
  using Providers = std::function<std::vector<std::shared_ptr<services::UpdateTaskProvider>>()>;
  using Bridges = std::function<std::vector<std::shared_ptr<services::UpgradeBridge>>()>;
  UpdateServiceImpl(std::shared_ptr<config::ConfigService> config,
                    std::shared_ptr<services::DatabaseService> database,
                    std::shared_ptr<services::CacheEvents> cacheEvents, Providers providers,
                    Bridges bridges = {});

  Result<services::UpdateReport> run(const services::SchemaRef& schema) override;
  // With what a tool says about this run.
  struct RunWishes {
    std::vector<std::string> forced;
    std::shared_ptr<RunControl> control;  // null = none
  };
  Result<services::UpdateReport> run(const services::SchemaRef& schema, const RunWishes& wishes);
  // What services/context_gate.h asks when a context is loaded.
  Status onContextLoad(const services::SchemaRef& schema, db::Connection& connection);
  const ImplicitUpdates& implicit() const { return implicit_; }
  Result<std::vector<services::TaskRow>> list(const services::SchemaRef& schema) override;
  Status markAllExecuted(const services::SchemaRef& schema, db::Connection& connection) override;

  // By context (any context of the schema) or by schema name.
  Result<services::SchemaRef> schemaOfContext(std::int32_t contextId);
  Result<services::SchemaRef> schemaByName(const std::string& name);
  // Schemas that are not up to date: first "needs update", then "running", then "too long".
  Result<std::vector<DatabaseStatus>> checkDatabases();

  // service_admin.cpp: what would run; name space -> tasks; LOCKED rows of a database removed (of one
  // schema, or of those locked for more than a day); the schemas of this server that a job takes.
  Result<std::vector<PlannedTask>> plan(const services::SchemaRef& schema);
  Result<CopyReport> rehearse(const services::SchemaRef& schema);  // on a copy
  Result<std::vector<CopyRow>> copies();                             // of rehearsals
  Result<std::vector<CopyRow>> removeCopies();                       // those of dead runs
  std::map<std::string, std::vector<std::string>> nameSpaces() const;
  Result<std::vector<services::SchemaRef>> unblock(std::int32_t poolId, const std::string& schema);
  Result<std::vector<services::SchemaRef>> jobSchemas(const std::vector<std::string>& only,
                                                      const std::vector<std::string>& skip);
  Status kill(const services::SchemaRef& schema);  // the statement that runs there now

  static std::string nodeName();  // host:process
  // The upgrade bridges and what they have failed at so far; settled() waits for them and says what an
  // older cluster was not told of since.
  using BridgeMarks = std::vector<std::pair<std::shared_ptr<services::UpgradeBridge>, std::uint64_t>>;
  BridgeMarks bridgeMarks() const;
  static std::vector<std::string> settled(const BridgeMarks& marks);

  void stop();
  const Runner& runner() const { return runner_; }
  // What is installed now; a name that is taken or unusable becomes a problem.
  TaskSet gather() const;

 private:
  RunnerSettings settings() const;
  CopyStore copyStore() const;
  Result<std::string> statusOf(const services::SchemaRef& schema, const TaskSet& tasks,
                               const Exclusions& exclusions, const db::IdleLimits& idle);

  std::shared_ptr<config::ConfigService> config_;
  std::shared_ptr<services::DatabaseService> database_;
  std::shared_ptr<services::CacheEvents> cacheEvents_;
  Providers providers_;
  Bridges bridges_;
  Runner runner_;
  Gate gate_;
  std::atomic<bool> pushWarned_{false};
  ImplicitUpdates implicit_;
};

}  // namespace ox::update
