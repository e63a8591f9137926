#include "throttle.h"

namespace ox::update {
namespace {

// Of SHOW SLAVE STATUS, the same in MariaDB and MySQL.
constexpr std::size_t kSecondsBehind = 32;

}  // namespace

std::string Throttle::reason(std::int32_t poolId) {
  if (maxLag_ < 0 && maxRunning_ < 0) return {};
  {
    std::lock_guard lock(mutex_);
    const auto found = answers_.find(poolId);
    if (found != answers_.end() && clock_.steadyMillis() - found->second.at < kThrottleKeepMillis)
      return found->second.reason;
  }
  std::string reason = ask(poolId);
  std::lock_guard lock(mutex_);
  answers_[poolId] = {reason, clock_.steadyMillis()};
  return reason;
}

std::string Throttle::ask(std::int32_t poolId) {
  const std::string host = "database " + std::to_string(poolId);
  if (maxRunning_ >= 0) {
    auto master = database_.pool(poolId);
    if (!master) return host + " does not answer: " + master.error().message;
    auto rows = (*master)->query("SHOW GLOBAL STATUS LIKE 'Threads_running'");
    if (!rows || rows->empty()) return host + " does not tell its running threads";
    if (const std::int64_t running = rows->front().integer(1); running > maxRunning_)
      return host + " has " + std::to_string(running) + " running threads, allowed are " +
             std::to_string(maxRunning_);
  }
  if (maxLag_ < 0) return {};
  auto config = database_.configRead();
  if (!config) return "configdb does not answer: " + config.error().message;
  auto replicas = (*config)->query(
      "SELECT read_db_pool_id FROM db_cluster WHERE write_db_pool_id = ? AND read_db_pool_id > 0 "
      "AND read_db_pool_id <> write_db_pool_id",
      {std::int64_t{poolId}});
  if (!replicas) return "the replicas of " + host + " cannot be read";
  for (const db::Row& row : *replicas)
    if (std::string why = lagReason(static_cast<std::int32_t>(row.integer(0))); !why.empty())
      return why;
  return {};
}

std::string Throttle::lagReason(std::int32_t replica) {
  const std::string host = "replica " + std::to_string(replica);
  auto connection = database_.pool(replica);
  if (!connection) return host + " does not answer: " + connection.error().message;
  auto rows = (*connection)->query("SHOW SLAVE STATUS");
  if (!rows) rows = (*connection)->query("SHOW REPLICA STATUS");  // MySQL 8.4
  if (!rows) return host + " does not tell its lag: " + rows.error().message;
  if (rows->empty()) return {};  // no replication is set up there (a Galera node)
  const db::Row& row = rows->front();
  if (row.size() <= kSecondsBehind || row.isNull(kSecondsBehind))
    return host + " does not replicate";
  const std::int64_t lag = row.integer(kSecondsBehind);
  if (lag <= maxLag_) return {};
  return host + " is " + std::to_string(lag) + " s behind, allowed are " + std::to_string(maxLag_);
}

}  // namespace ox::update
