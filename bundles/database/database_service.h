// DatabaseService on real servers: configdb pools, one pool per row of db_pool, places of contexts.
//
// Threads:   any blocking thread. One thread of its own cleans the pools every cleanerInterval.
// Ownership: pools are shared with their leases, so a pool that was dropped ends with its last lease.
// Healing:   nothing is connected at construction; an unreachable configdb is asked again by every
//            call and by the cleaner.
// Caching:   places of contexts in region OXDBPoolCache, key = context id; without the bundle caching each
//            call asks configdb. Rows of db_pool are asked again after recheckPools(); a pool whose row is the
//            same stays.
// Reading:   context_connections.cpp chooses between the master and the replica of a context.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "replication_monitor.h"
#include "server_health.h"
#include "services/cache.h"
#include "services/database.h"
#include "settings.h"

namespace ox::database {

struct PoolFigures {
  std::int32_t id = 0;  // kConfigReadId, kConfigWriteId for configdb
  std::string name;
  db::PoolStats stats;
};

class DatabaseServiceImpl final : public services::DatabaseService {
 public:
  static constexpr std::int32_t kConfigReadId = -1;
  static constexpr std::int32_t kConfigWriteId = -2;

  // `places`: region OXDBPoolCache, may be null. `positions` null: without a grid.
  static Result<std::shared_ptr<DatabaseServiceImpl>> make(
      const config::Config& config, std::shared_ptr<services::CacheRegion> places,
      std::shared_ptr<ReplicaPositions> positions = nullptr, Clock& clock = systemClock());
  ~DatabaseServiceImpl() override;

  Result<db::Lease> configRead() override;
  Result<db::Lease> configWrite() override;
  Result<services::Assignment> assignment(std::int32_t contextId) override;
  Result<db::Lease> read(std::int32_t contextId) override;
  Result<db::Lease> write(std::int32_t contextId) override;
  Result<db::Lease> schemaWrite(const services::SchemaRef& schema, bool longRunning) override;
  Result<db::Lease> pool(std::int32_t poolId) override;
  Result<std::vector<services::SchemaRef>> schemas() override;
  Result<services::SchemaRef> findSchema(const std::string& schemaName) override;
  Result<std::vector<std::int32_t>> contextsIn(const services::SchemaRef& schema) override;
  void invalidate(std::int32_t contextId) override;
  void invalidatePools() override;
  std::int32_t serverId() override;

  // Another node may have changed databases or servers.
  void recheckPools();
  // Applies changed settings of configdb.properties: pools whose settings changed are made anew.
  Status reconfigure(const config::Config& config);
  // Is configdb reachable? Asked by the cleaner, so the answer is at most an interval old.
  bool healthy(std::string& why) const;
  // Asks configdb now.
  Status probe();
  std::vector<PoolFigures> figures() const;
  // For look-ups that can do without the master: one that has a replica and does not answer is left alone for a
  // moment. Not for changes.
  Result<db::Lease> configMaster();
  Result<db::Lease> masterOf(std::int32_t contextId);
  // For look-ups whose answers are kept: the master, because a replica that is behind would make a stale value
  // that no further event ends; the replica while it does not answer. Then what is kept is forgotten when the
  // cleaner finds the master of configdb back.
  Result<db::Lease> configLookUp();
  Result<db::Lease> masterOrReplica(std::int32_t contextId);
  void onMasterBack(std::function<void()> forget);
  // True when configdb is read and written through different addresses.
  bool configIsReplicated() const;
  ReplicationStats replication() const { return monitor_->stats(); }
  PositionStats positions() const { return monitor_->positions().stats(); }
  std::size_t down() const { return health_.down(); }

 private:
  struct UserPool {
    PoolRow row;
    db::ConnectionSettings settings;
    std::shared_ptr<db::Pool> pool;
    std::uint64_t checked = 0;  // checks_ when the row was read
  };
  DatabaseServiceImpl(std::shared_ptr<services::CacheRegion> places,
                      std::shared_ptr<ReplicaPositions> positions, Clock& clock);
  void configMasterAnswered();
  Result<UserPool> userPool(std::int32_t poolId);
  Result<db::Lease> borrow(std::int32_t poolId, const std::string& schema);
  // As borrow(), but not while the server rests after a failure; with its number of the context.
  struct Asked {
    std::int32_t poolId;
    const char* role;
    const char* meanwhile;  // what is done while it is away
    bool always = false;    // even while it rests
  };
  Result<db::Lease> tryBorrow(const Asked& server, const std::string& schema);
  Result<db::Lease> tryWithNumber(const Asked& server, const services::Assignment& place,
                                  std::optional<std::int64_t>& number);
  Result<db::Lease> readWhereFresh(const services::Assignment& place);
  Result<PoolRow> loadPoolRow(std::int32_t poolId);
  // By the cleaner, also without any event: pools whose row changed or went are dropped.
  Status refreshPools();
  Result<services::Assignment> loadAssignment(db::Connection& config, std::int32_t contextId);
  Result<std::int32_t> loadServerId(db::Connection& config);
  void cleanForEver(const std::stop_token& stop);
  void cleanOnce();

  Clock& clock_;
  const std::shared_ptr<services::CacheRegion> places_;
  mutable std::mutex mutex_;
  db::PoolLimits limits_;
  db::ConnectionSettings base_;  // of dbconnector.yaml
  bool checkWriteCons_ = false;
  db::ConnectionSettings readSettings_;
  db::ConnectionSettings writeSettings_;
  std::string serverName_;
  std::int64_t cleanerMillis_ = 10000;
  std::shared_ptr<db::Pool> configRead_;
  std::shared_ptr<db::Pool> configWrite_;
  std::map<std::int32_t, UserPool> pools_;
  std::uint64_t checks_ = 0;  // rises with every recheckPools()
  std::int32_t serverId_ = 0;
  std::string problem_;  // of the last probe, empty = healthy
  std::atomic<bool> keptFromReplica_{false};
  std::function<void()> masterBack_;
  ServerHealth health_;
  const std::shared_ptr<ReplicationMonitor> monitor_;
  std::condition_variable_any wake_;
  std::jthread cleaner_;  // last: stops first
};

}  // namespace ox::database
