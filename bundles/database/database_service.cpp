#include "database_service.h"

#include <algorithm>

#include "base/log.h"
#include "config/keys_database.h"
#include "config/keys_system.h"
#include "look_up.h"
#include "records.h"

namespace ox::database {

using services::Assignment;
using services::SchemaRef;
namespace keys = config::keys;

namespace {
constexpr int kNoSuchTable = 1146;

constexpr const char* kPoolColumns =
    "SELECT db_pool_id, url, login, password, hardlimit, max, name FROM db_pool";

PoolRow poolRowOf(const db::Row& row) {
  PoolRow out;
  out.id = static_cast<std::int32_t>(row.integer(0));
  out.url = row.text(1);
  out.login = row.text(2);
  out.password = row.text(3);
  out.hardLimitSet = !row.isNull(4);
  out.hardLimit = row.boolean(4);
  out.max = row.integer(5);
  out.name = row.text(6);
  return out;
}
}  // namespace

DatabaseServiceImpl::DatabaseServiceImpl(std::shared_ptr<services::CacheRegion> places,
                                         std::shared_ptr<ReplicaPositions> positions, Clock& clock)
    : clock_(clock), places_(std::move(places)), health_(clock),
      monitor_(std::make_shared<ReplicationMonitor>(std::move(positions))) {}

Result<std::shared_ptr<DatabaseServiceImpl>> DatabaseServiceImpl::make(
    const config::Config& config, std::shared_ptr<services::CacheRegion> places,
    std::shared_ptr<ReplicaPositions> positions, Clock& clock) {
  if (!positions) positions = std::make_shared<ReplicaPositions>(nullptr, clock);
  std::shared_ptr<DatabaseServiceImpl> service(
      new DatabaseServiceImpl(std::move(places), std::move(positions), clock));
  if (auto set = service->reconfigure(config); !set) return set.error();
  auto* self = service.get();
  service->cleaner_ = std::jthread([self](const std::stop_token& stop) { self->cleanForEver(stop); });
  return service;
}

DatabaseServiceImpl::~DatabaseServiceImpl() {
  cleaner_.request_stop();
  wake_.notify_all();
  if (cleaner_.joinable()) cleaner_.join();
  for (auto& [id, entry] : pools_) entry.pool->close();
  if (configRead_) configRead_->close();
  if (configWrite_) configWrite_->close();
}

Status DatabaseServiceImpl::reconfigure(const config::Config& config) {
  auto read = configDbSettings(config, false);
  if (!read) return read.error();
  auto write = configDbSettings(config, true);
  if (!write) return write.error();
  auto base = baseSettings(config);
  if (!base) return base.error();
  const db::PoolLimits limits = poolLimits(config);
  monitor_->enable(config.get(keys::kReplicationMonitor));
  PositionSettings positions;
  positions.settleMillis = config.get(keys::kReplicationSettle).value;
  monitor_->positions().settings(positions);

  std::lock_guard lock(mutex_);
  const bool limitsChanged = !(limits == limits_);
  limits_ = limits;
  checkWriteCons_ = config.get(keys::kCheckWriteCons);
  serverName_ = config.get(keys::kServerName);
  serverId_ = 0;
  cleanerMillis_ = config.get(keys::kPoolCleanerInterval).value;
  if (!configRead_ || limitsChanged || !(readSettings_ == *read)) {
    if (configRead_) configRead_->close();
    configRead_ = db::Pool::make("configdb-read", limits, *read, clock_);
  }
  if (!configWrite_ || limitsChanged || !(writeSettings_ == *write)) {
    if (configWrite_) configWrite_->close();
    configWrite_ = db::Pool::make("configdb-write", limits, *write, clock_);
  }
  readSettings_ = *read;
  writeSettings_ = *write;
  if (limitsChanged || !(base_ == *base)) {
    for (auto& [id, entry] : pools_) entry.pool->close();
    pools_.clear();
  }
  base_ = *base;
  if (places_) places_->forgetAll();
  return {};
}

Result<db::Lease> DatabaseServiceImpl::configRead() {
  std::shared_ptr<db::Pool> read, write;
  {
    std::lock_guard lock(mutex_);
    read = configRead_;
    write = configWrite_;
  }
  if (!configIsReplicated()) return read->borrow();
  if (health_.mayTry(kConfigReadId)) {
    auto lease = read->borrow();
    const bool away = !lease && lease.error().code == Code::kDbNoConnection;
    health_.answered(kConfigReadId, !away, "the read server of configdb",
                     "its master is asked instead", away ? lease.error().message : "");
    if (!away) return lease;
  }
  return write->borrow();
}

Result<db::Lease> DatabaseServiceImpl::configWrite() {
  std::shared_ptr<db::Pool> write;
  {
    std::lock_guard lock(mutex_);
    write = configWrite_;
  }
  return write->borrow();
}

Result<db::Lease> DatabaseServiceImpl::configMaster() {
  if (!configIsReplicated()) return configWrite();
  if (!health_.mayTry(kConfigWriteId))
    return Error(Code::kDbNoConnection, "the master of configdb did not answer, it is tried again soon");
  auto lease = configWrite();
  const bool away = !lease && lease.error().code == Code::kDbNoConnection;
  health_.answered(kConfigWriteId, !away, "the master of configdb",
                   "its read server is asked instead", away ? lease.error().message : "");
  return lease;
}

Result<db::Lease> DatabaseServiceImpl::configLookUp() {
  auto lease = configMaster();
  if (lease || lease.error().code != Code::kDbNoConnection || !configIsReplicated()) return lease;
  keptFromReplica_ = true;
  return configRead();
}

void DatabaseServiceImpl::onMasterBack(std::function<void()> forget) {
  std::lock_guard lock(mutex_);
  masterBack_ = std::move(forget);
}

// What was looked up meanwhile may be older than what the master says, and no further event ends it.
void DatabaseServiceImpl::configMasterAnswered() {
  health_.answered(kConfigWriteId, true, "the master of configdb");
  if (!keptFromReplica_.exchange(false)) return;
  if (places_) places_->forgetAll();
  std::function<void()> forget;
  {
    std::lock_guard lock(mutex_);
    forget = masterBack_;
  }
  if (forget) forget();
}

bool DatabaseServiceImpl::configIsReplicated() const {
  std::lock_guard lock(mutex_);
  return readSettings_.host != writeSettings_.host || readSettings_.port != writeSettings_.port ||
         readSettings_.socketPath != writeSettings_.socketPath;
}

Result<PoolRow> DatabaseServiceImpl::loadPoolRow(std::int32_t poolId) {
  auto rows = lookUp<std::vector<db::Row>>(
      [this] { return configLookUp(); },
      [&](db::Connection& config) {
        return config.query(std::string(kPoolColumns) + " WHERE db_pool_id = ?",
                            {std::int64_t{poolId}});
      });
  if (!rows) return rows.error();
  if (!rows->empty()) return poolRowOf(rows->front());
  return Error(Code::kDbNoConnection,
               "there is no database " + std::to_string(poolId) + " in configdb");
}

Result<DatabaseServiceImpl::UserPool> DatabaseServiceImpl::userPool(std::int32_t poolId) {
  std::optional<UserPool> known;
  std::uint64_t check = 0;
  {
    std::lock_guard lock(mutex_);
    check = checks_;
    if (const auto found = pools_.find(poolId); found != pools_.end()) {
      if (found->second.checked == check) return found->second;
      known = found->second;
    }
  }
  auto row = loadPoolRow(poolId);
  // What is known is better than nothing while configdb does not answer.
  if (!row) return known && row.error().retryable ? Result<UserPool>(*known) : row.error();
  db::ConnectionSettings base;
  {
    std::lock_guard lock(mutex_);
    base = base_;
  }
  auto settings = poolSettings(*row, base);
  if (!settings) return settings.error();
  std::shared_ptr<db::Pool> former;
  Result<UserPool> answer = Error(Code::kInternal);
  {
    std::lock_guard lock(mutex_);
    UserPool& entry = pools_[poolId];
    if (!entry.pool || !(entry.row == *row)) {
      former = entry.pool;
      entry = UserPool{*row, *settings,
                       db::Pool::make(row->name + " (" + std::to_string(poolId) + ")",
                                      poolLimits(limits_, *row), *settings, clock_)};
    }
    entry.checked = check;
    answer = entry;
  }
  if (former) former->close();
  return answer;
}

Result<db::Lease> DatabaseServiceImpl::borrow(std::int32_t poolId, const std::string& schema) {
  for (bool again : {true, false}) {
    auto entry = userPool(poolId);
    if (!entry) return entry.error();
    auto lease = entry->pool->borrow(schema);
    // The pool may have been replaced since it was looked up.
    if (lease || lease.error().code != Code::kShutdown || !again) return lease;
  }
  return Error(Code::kShutdown);
}

Result<std::int32_t> DatabaseServiceImpl::loadServerId(db::Connection& config) {
  std::string name;
  {
    std::lock_guard lock(mutex_);
    if (serverId_ != 0) return serverId_;
    name = serverName_;
  }
  auto rows = config.query("SELECT server_id FROM server WHERE name = ?", {name});
  if (!rows) return rows.error();
  if (rows->empty()) return 0;
  std::lock_guard lock(mutex_);
  serverId_ = static_cast<std::int32_t>(rows->front().integer(0));
  return serverId_;
}

std::int32_t DatabaseServiceImpl::serverId() {
  auto lease = configWrite();
  if (!lease) return 0;
  auto id = loadServerId(**lease);
  return id.valueOr(0);
}

Result<Assignment> DatabaseServiceImpl::loadAssignment(db::Connection& config,
                                                       std::int32_t contextId) {
  auto server = loadServerId(config);
  if (!server) return server.error();
  auto rows = config.query(
      "SELECT server_id, read_db_pool_id, write_db_pool_id, db_schema "
      "FROM context_server2db_pool WHERE cid = ?",
      {std::int64_t{contextId}});
  if (!rows) return rows.error();
  const std::string context = "context " + std::to_string(contextId);
  if (rows->empty()) return Error(Code::kCtxNotFound, context + " does not exist");
  for (const db::Row& row : *rows)
    if (row.integer(0) == *server)
      return Assignment{contextId, static_cast<std::int32_t>(row.integer(1)),
                        static_cast<std::int32_t>(row.integer(2)), row.text(3)};
  return Error(Code::kCtxOtherServer,
               context + " is located on server " + rows->front().text(0) + ", this is server " +
                   (*server == 0 ? "'" + serverName_ + "', which is not registered"
                                 : std::to_string(*server)));
}

Result<Assignment> DatabaseServiceImpl::assignment(std::int32_t contextId) {
  const auto load = [&] {
    return lookUp<Assignment>([this] { return configLookUp(); },
                              [&](db::Connection& config) {
                                return loadAssignment(config, contextId);
                              });
  };
  return throughCache<Assignment>(places_, services::flatKey(contextId), load, encodeAssignment,
                                  decodeAssignment);
}

Result<db::Lease> DatabaseServiceImpl::schemaWrite(const SchemaRef& schema, bool longRunning) {
  if (!longRunning) return borrow(schema.writePoolId, schema.schema);
  auto master = userPool(schema.writePoolId);
  if (!master) return master.error();
  db::ConnectionSettings settings = master->settings;
  settings.readTimeoutMillis = 0;
  settings.statementTimeoutMillis = 0;
  auto connection = db::Connection::open(settings);
  if (!connection) return connection.error();
  if (auto selected = (*connection)->selectSchema(schema.schema); !selected)
    return selected.error();
  return db::Lease(nullptr, std::move(*connection));
}

Result<db::Lease> DatabaseServiceImpl::pool(std::int32_t poolId) {
  auto entry = userPool(poolId);
  if (!entry) return entry.error();
  auto connection = db::Connection::open(entry->settings);
  if (!connection) return connection.error();
  return db::Lease(nullptr, std::move(*connection));
}

Result<std::vector<SchemaRef>> DatabaseServiceImpl::schemas() {
  auto lease = configWrite();
  if (!lease) return lease.error();
  const std::string used =
      "SELECT DISTINCT write_db_pool_id, db_schema FROM context_server2db_pool";
  auto rows = (*lease)->query(
      used + " UNION SELECT db_pool_id, schemaname FROM contexts_per_dbschema ORDER BY 1, 2");
  if (!rows && (*lease)->sqlError() == kNoSuchTable) rows = (*lease)->query(used + " ORDER BY 1, 2");
  if (!rows) return rows.error();
  std::vector<SchemaRef> out;
  for (const db::Row& row : *rows)
    out.push_back({static_cast<std::int32_t>(row.integer(0)), row.text(1)});
  return out;
}

Result<SchemaRef> DatabaseServiceImpl::findSchema(const std::string& schemaName) {
  auto all = schemas();
  if (!all) return all.error();
  const SchemaRef* found = nullptr;
  for (const SchemaRef& schema : *all) {
    if (schema.schema != schemaName) continue;
    if (found)
      return Error(Code::kUpdUnknownSchema, "schema " + schemaName + " exists in databases " +
                                                std::to_string(found->writePoolId) + " and " +
                                                std::to_string(schema.writePoolId));
    found = &schema;
  }
  if (!found) return Error(Code::kUpdUnknownSchema, "there is no schema " + schemaName);
  return *found;
}

Result<std::vector<std::int32_t>> DatabaseServiceImpl::contextsIn(const SchemaRef& schema) {
  auto lease = configRead();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(
      "SELECT DISTINCT cid FROM context_server2db_pool "
      "WHERE write_db_pool_id = ? AND db_schema = ? ORDER BY cid",
      {std::int64_t{schema.writePoolId}, schema.schema});
  if (!rows) return rows.error();
  std::vector<std::int32_t> out;
  out.reserve(rows->size());
  for (const db::Row& row : *rows) out.push_back(static_cast<std::int32_t>(row.integer(0)));
  return out;
}

void DatabaseServiceImpl::invalidate(std::int32_t contextId) {
  if (places_) places_->forget({{contextId, {}}});
}

void DatabaseServiceImpl::recheckPools() {
  std::lock_guard lock(mutex_);
  serverId_ = 0;
  ++checks_;
}

void DatabaseServiceImpl::invalidatePools() {
  std::map<std::int32_t, UserPool> dropped;
  {
    std::lock_guard lock(mutex_);
    dropped.swap(pools_);
    serverId_ = 0;
    ++checks_;
  }
  if (places_) places_->forgetAll();
  for (auto& [id, entry] : dropped) entry.pool->close();
}

Status DatabaseServiceImpl::probe() {
  auto lease = configRead();
  std::string problem;
  if (!lease) problem = lease.error().message;
  else if (auto answer = (*lease)->query("SELECT id FROM configdb_sequence"); !answer)
    problem = answer.error().message;
  std::string before;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(problem_, problem);
  }
  if (!problem.empty() && before.empty())
    log::warn("configdb is not usable, it will be tried again: " + problem);
  if (problem.empty() && !before.empty()) log::info("configdb is usable again");
  return problem.empty() ? Status() : Status(Error(Code::kDbNoConnection, problem));
}

bool DatabaseServiceImpl::healthy(std::string& why) const {
  std::lock_guard lock(mutex_);
  if (problem_.empty()) return true;
  why = "configdb: " + problem_;
  return false;
}

std::vector<PoolFigures> DatabaseServiceImpl::figures() const {
  std::lock_guard lock(mutex_);
  std::vector<PoolFigures> out;
  out.push_back({kConfigReadId, "configdb-read", configRead_->stats()});
  out.push_back({kConfigWriteId, "configdb-write", configWrite_->stats()});
  for (const auto& [id, entry] : pools_) out.push_back({id, entry.row.name, entry.pool->stats()});
  return out;
}

void DatabaseServiceImpl::cleanOnce() {
  std::vector<std::shared_ptr<db::Pool>> all;
  {
    std::lock_guard lock(mutex_);
    all = {configRead_, configWrite_};
    for (auto& [id, entry] : pools_) all.push_back(entry.pool);
  }
  for (auto& pool : all) pool->clean();
  if (!probe()) return;
  if (auto refreshed = refreshPools(); !refreshed)
    log::warn("the rows of db_pool could not be read again: " + refreshed.error().message);
}

Status DatabaseServiceImpl::refreshPools() {
  auto lease = configWrite();
  if (!lease) return lease.error();
  auto rows = (*lease)->query(kPoolColumns);
  if (!rows) return rows.error();
  configMasterAnswered();
  std::map<std::int32_t, PoolRow> now;
  for (const db::Row& row : *rows) now[static_cast<std::int32_t>(row.integer(0))] = poolRowOf(row);
  std::vector<UserPool> dropped;
  {
    std::lock_guard lock(mutex_);
    for (auto entry = pools_.begin(); entry != pools_.end();) {
      const auto found = now.find(entry->first);
      if (found != now.end() && found->second == entry->second.row) {
        ++entry;
        continue;
      }
      dropped.push_back(std::move(entry->second));
      entry = pools_.erase(entry);
    }
  }
  if (!dropped.empty() && places_) places_->forgetAll();
  for (auto& entry : dropped) {
    entry.pool->close();
    log::info("database " + std::to_string(entry.row.id) + " (" + entry.row.name +
              ") was changed in configdb; its connections are made anew");
  }
  return {};
}

void DatabaseServiceImpl::cleanForEver(const std::stop_token& stop) {
  log::setThreadName("db-cleaner");
  std::mutex waiting;
  while (!stop.stop_requested()) {
    std::int64_t millis = 0;
    {
      std::lock_guard lock(mutex_);
      millis = cleanerMillis_;
    }
    std::unique_lock lock(waiting);
    wake_.wait_for(lock, stop, std::chrono::milliseconds(millis), [] { return false; });
    lock.unlock();
    if (!stop.stop_requested()) cleanOnce();
  }
}

}  // namespace ox::database
