#include "replication_monitor.h"

#include "base/log.h"

namespace ox::database {

void ReplicationMonitor::written(db::Connection& master, std::int32_t contextId) {
  if (!enabled_) return;
  auto transaction = db::Transaction::begin(master);
  if (!transaction) return;
  const std::vector<db::Value> cid{std::int64_t{contextId}};
  auto raised = master.execute(
      "UPDATE replicationMonitor SET transaction = transaction + 1 WHERE cid = ?", cid);
  auto rows = raised ? master.query("SELECT transaction FROM replicationMonitor WHERE cid = ?", cid)
                     : Result<std::vector<db::Row>>(raised.error());
  if (!rows || rows->empty() || !transaction->commit()) {
    log::debug("replication monitor: context " + std::to_string(contextId) +
               (rows ? " has no row" : ": " + rows.error().message));
    return;
  }
  std::lock_guard lock(mutex_);
  if (remembered_.size() >= kMaxContexts) remembered_.clear();
  remembered_[contextId] = rows->front().integer(0);
}

bool ReplicationMonitor::upToDate(db::Connection& replica, std::int32_t contextId) {
  std::int64_t wanted = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = remembered_.find(contextId);
    if (!enabled_ || found == remembered_.end()) return true;
    wanted = found->second;
  }
  auto rows = replica.query("SELECT transaction FROM replicationMonitor WHERE cid = ?",
                            {std::int64_t{contextId}});
  return rows && !rows->empty() && rows->front().integer(0) >= wanted;
}

}  // namespace ox::database
