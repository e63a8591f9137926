// DatabaseServiceImpl: connections of contexts, to the master or to the replica.
#include "base/log.h"
#include "database_service.h"

namespace ox::database {

using services::Assignment;

namespace {

bool replicated(const Assignment& place) {
  return place.readPoolId != 0 && place.readPoolId != place.writePoolId;
}

}  // namespace

Result<db::Lease> DatabaseServiceImpl::write(std::int32_t contextId) {
  auto place = assignment(contextId);
  if (!place) return place.error();
  auto lease = borrow(place->writePoolId, place->schema);
  if (!lease) return lease;
  monitor_->countMaster();
  bool check = false;
  {
    std::lock_guard lock(mutex_);
    check = checkWriteCons_;
  }
  ReplicationMonitor::Borrow replica;
  if (replicated(*place) && monitor_->enabled()) {
    // The pool itself: the lease may outlive the service.
    auto entry = userPool(place->readPoolId);
    replica = [pool = entry ? entry->pool : nullptr, schema = place->schema]() -> Result<db::Lease> {
      if (!pool) return Error(Code::kDbNoConnection);
      return pool->borrow(schema);
    };
  } else if (!check) {
    return lease;
  }
  const std::uint64_t before = (*lease)->changes();
  lease->onReturn([monitor = monitor_, contextId, before, replica = std::move(replica),
                   check](db::Connection& connection) {
    const bool changed = connection.changes() != before;
    if (replica && changed && !connection.inTransaction())
      monitor->written(connection, contextId, replica);
    if (check && !changed)
      log::warn("a writing connection of context " + std::to_string(contextId) +
                " changed nothing (com.openexchange.database.checkWriteCons)");
  });
  return lease;
}

Result<db::Lease> DatabaseServiceImpl::tryBorrow(std::int32_t poolId, const std::string& schema,
                                                 const char* role, const char* meanwhile) {
  const std::string server = std::string(role) + " (database " + std::to_string(poolId) + ")";
  if (!health_.mayTry(poolId))
    return Error(Code::kDbNoConnection, server + " did not answer, it is tried again soon");
  auto lease = borrow(poolId, schema);
  const bool away = !lease && lease.error().code == Code::kDbNoConnection;
  health_.answered(poolId, !away, server, meanwhile, away ? lease.error().message : "");
  return lease;
}

Result<db::Lease> DatabaseServiceImpl::read(std::int32_t contextId) {
  auto place = assignment(contextId);
  if (!place) return place.error();
  if (replicated(*place)) return readWhereFresh(*place);
  monitor_->countMaster();
  return borrow(place->writePoolId, place->schema);
}

// The replica when it has all that was answered to anybody, else the master.
Result<db::Lease> DatabaseServiceImpl::readWhereFresh(const Assignment& place) {
  const bool watched = monitor_->enabled();
  std::optional<ReplicationMonitor::Question> question;
  if (watched) question = monitor_->ask(place.contextId);
  auto lease = tryBorrow(place.readPoolId, place.schema, "a replica",
                         "its master is read instead");
  std::optional<std::int64_t> there;
  if (lease && watched) {
    there = ReplicationMonitor::position(**lease, place.contextId);
    if (!there && (*lease)->broken()) {
      health_.answered(place.readPoolId, false, "a replica (database " +
                       std::to_string(place.readPoolId) + ")", "its master is read instead",
                       "the connection broke");
      lease = Error(Code::kDbNoConnection, "the connection to the replica broke");
    }
  }
  Wanted wanted;
  if (lease && watched) wanted = question->answer();
  if (lease && (!watched || serves(wanted, there))) {
    monitor_->countSlave();
    return lease;
  }
  auto master = lease ? tryBorrow(place.writePoolId, place.schema, "a master",
                                  "contexts are read from its replica as it is")
                      : borrow(place.writePoolId, place.schema);
  if (!master) {
    if (!lease) return master;
    monitor_->countSlave();
    monitor_->countStale();
    return lease;
  }
  if (lease && there) {
    const auto number = ReplicationMonitor::position(**master, place.contextId);
    if (!wanted.known) monitor_->countCounterAsked();
    if (number && !wanted.known) {
      monitor_->positions().told(place.contextId, *number);
      if (serves({true, std::max(*number, wanted.least)}, there)) {
        monitor_->countSlave();
        return lease;
      }
    }
    if (number && *number < wanted.least)
      monitor_->positions().refuted(place.contextId, wanted.least, *number);
  }
  monitor_->countInstead();
  return master;
}

}  // namespace ox::database
