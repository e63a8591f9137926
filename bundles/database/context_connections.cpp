// DatabaseServiceImpl: connections of contexts, to the master or to the replica.
#include "base/log.h"
#include "database_service.h"

namespace ox::database {

using services::Assignment;

namespace {

bool replicated(const Assignment& place) {
  return place.readPoolId != 0 && place.readPoolId != place.writePoolId;
}

constexpr const char* kReplica = "a replica";
constexpr const char* kReplicaAway = "its master is read instead";
constexpr const char* kMaster = "a master";
constexpr const char* kMasterAway = "contexts are read from its replica as it is";

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
  ReplicationMonitor::Borrow again, replica;
  if (replicated(*place) && monitor_->enabled()) {
    // The pools themselves: the lease may outlive the service.
    const auto lender = [&](std::int32_t poolId) -> ReplicationMonitor::Borrow {
      auto entry = userPool(poolId);
      return [pool = entry ? entry->pool : nullptr, schema = place->schema]() -> Result<db::Lease> {
        if (!pool) return Error(Code::kDbNoConnection);
        return pool->borrow(schema);
      };
    };
    again = lender(place->writePoolId);
    replica = lender(place->readPoolId);
  } else if (!check) {
    return lease;
  }
  const std::uint64_t before = (*lease)->changes();
  lease->onReturn([monitor = monitor_, contextId, before, again = std::move(again),
                   replica = std::move(replica), check](db::Connection& connection) {
    const bool changed = connection.changes() != before;
    if (replica && changed && !connection.inTransaction())
      monitor->written(connection, contextId, again, replica);
    if (check && !changed)
      log::warn("a writing connection of context " + std::to_string(contextId) +
                " changed nothing (com.openexchange.database.checkWriteCons)");
  });
  return lease;
}

Result<db::Lease> DatabaseServiceImpl::tryBorrow(const Asked& server, const std::string& schema) {
  const std::string who =
      std::string(server.role) + " (database " + std::to_string(server.poolId) + ")";
  if (!health_.mayTry(server.poolId) && !server.always)
    return Error(Code::kDbNoConnection, who + " did not answer, it is tried again soon");
  auto lease = borrow(server.poolId, schema);
  const bool away = !lease && lease.error().code == Code::kDbNoConnection;
  health_.answered(server.poolId, !away, who, server.meanwhile, away ? lease.error().message : "");
  return lease;
}

// Once more when a connection that rested turns out to be dead.
Result<db::Lease> DatabaseServiceImpl::tryWithNumber(const Asked& server, const Assignment& place,
                                                     std::optional<std::int64_t>& number) {
  for (bool again : {true, false}) {
    auto lease = tryBorrow(server, place.schema);
    if (!lease) return lease;
    number = ReplicationMonitor::position(**lease, place.contextId);
    if (!(*lease)->broken()) return lease;
    if (!again) break;
  }
  return Error(Code::kDbNoConnection, std::string(server.role) + " closes its connections");
}

Result<db::Lease> DatabaseServiceImpl::masterOf(std::int32_t contextId) {
  auto place = assignment(contextId);
  if (!place) return place.error();
  if (!replicated(*place)) return borrow(place->writePoolId, place->schema);
  return tryBorrow({place->writePoolId, kMaster, kMasterAway}, place->schema);
}

Result<db::Lease> DatabaseServiceImpl::masterOrReplica(std::int32_t contextId) {
  auto master = masterOf(contextId);
  if (master || master.error().code != Code::kDbNoConnection) return master;
  if (auto place = assignment(contextId); !place || !replicated(*place)) return master;
  keptFromReplica_ = true;
  return read(contextId);
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
  std::optional<std::int64_t> there, number;
  auto lease = watched ? tryWithNumber({place.readPoolId, kReplica, kReplicaAway}, place, there)
                       : tryBorrow({place.readPoolId, kReplica, kReplicaAway}, place.schema);
  Wanted wanted;
  if (lease && watched) wanted = question->answer();
  if (lease && (!watched || serves(wanted, there))) {
    monitor_->countSlave();
    return lease;
  }
  if (!lease) {
    auto master = borrow(place.writePoolId, place.schema);
    if (master) monitor_->countInstead();
    return master;
  }
  // Known to be behind: the master is tried, whatever came of the last try.
  const Asked asked{place.writePoolId, kMaster, kMasterAway, there && *there < wanted.least};
  auto master = tryWithNumber(asked, place, number);
  if (!master) {
    monitor_->countSlave();
    monitor_->countStale();
    return lease;
  }
  if (!wanted.known) monitor_->countCounterAsked();
  if (there && number) {
    if (!wanted.known) {
      monitor_->positions().told(place.contextId, *number);
      if (serves({true, std::max(*number, wanted.least)}, there)) {
        monitor_->countSlave();
        return lease;
      }
    }
    if (*number < wanted.least)
      monitor_->positions().refuted(place.contextId, wanted.least, *number);
  }
  monitor_->countInstead();
  return master;
}

}  // namespace ox::database
