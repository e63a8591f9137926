#include "figures.h"

#include <string>
#include <utility>

namespace ox::database {
namespace {

using management::Attributes;
using management::MetricSample;

std::string poolName(const PoolFigures& figures) {
  return figures.id < 0 ? figures.name : std::to_string(figures.id);
}

Attributes overview(const ReplicationStats& r, const PositionStats& p, int connections) {
  const auto n = [](std::uint64_t value) { return std::to_string(value); };
  return {{"NumConnections", std::to_string(connections)},
          {"MasterConnectionsFetched", n(r.masterFetched)},
          {"SlaveConnectionsFetched", n(r.slaveFetched)},
          {"MasterInsteadOfSlave", n(r.masterInsteadOfSlave)},
          {"MasterCounterAsked", n(r.counterAsked)},
          {"StaleReads", n(r.stale)},
          {"ChangesThatWaitedForReplica", n(r.caughtUp)},
          {"ChangesUnconfirmed", n(r.unconfirmed)},
          {"ChangesNotRaised", n(r.notRaised)},
          {"PositionsAnnounced", n(p.announced)},
          {"PositionsKnown", n(p.known)},
          {"PositionsAbsent", n(p.absent)},
          {"PositionsUntrusted", n(p.untrusted)},
          {"PositionsSilent", n(p.silent)},
          {"PositionsUndecodable", n(p.undecodable)},
          {"PositionsRefuted", n(p.refuted)},
          {"PositionsOwed", n(p.owed)},
          {"GridTrusted", p.trusted ? "true" : "false"}};
}

}  // namespace

std::vector<management::MBean> databaseBeans(const DatabaseServiceImpl& database) {
  std::vector<management::MBean> beans;
  int connections = 0;
  for (const PoolFigures& one : database.figures()) {
    const db::PoolStats s = one.stats;
    connections += s.active + s.idle;
    beans.push_back({"com.openexchange.pooling:name=DB Pool " + poolName(one), [s] {
                       return Attributes{{"NumActive", std::to_string(s.active)},
                                         {"NumIdle", std::to_string(s.idle)},
                                         {"PoolSize", std::to_string(s.active + s.idle)},
                                         {"NumWaited", std::to_string(s.waited)},
                                         {"NumExhausted", std::to_string(s.exhausted)},
                                         {"NumBroken", std::to_string(s.brokenReturned)}};
                     }});
  }
  beans.push_back({"com.openexchange.pooling:name=Overview",
                   [r = database.replication(), p = database.positions(), connections] {
                     return overview(r, p, connections);
                   }});
  return beans;
}

void databaseMetrics(const DatabaseServiceImpl& database, std::vector<MetricSample>& out) {
  const auto sample = [&](const char* name, const char* help, bool counter,
                          std::vector<std::pair<std::string, std::string>> labels, double value) {
    out.push_back({name, help, counter, std::move(labels), value});
  };
  for (const PoolFigures& one : database.figures()) {
    const std::vector<std::pair<std::string, std::string>> labels{{"pool", poolName(one)}};
    sample("ox_db_pool_active", "Connections lent", false, labels, one.stats.active);
    sample("ox_db_pool_idle", "Connections resting", false, labels, one.stats.idle);
    sample("ox_db_pool_exhausted_total", "Loans refused", true, labels,
           static_cast<double>(one.stats.exhausted));
    sample("ox_db_pool_broken_total", "Connections that came back broken", true, labels,
           static_cast<double>(one.stats.brokenReturned));
  }
  const ReplicationStats r = database.replication();
  const auto fetched = [&](const char* from, std::uint64_t value) {
    sample("ox_db_connections_total", "Connections of contexts, by where they led", true,
           {{"server", from}}, static_cast<double>(value));
  };
  fetched("master", r.masterFetched);
  fetched("replica", r.slaveFetched);
  fetched("master-instead-of-replica", r.masterInsteadOfSlave);
  const PositionStats p = database.positions();
  const auto event = [&](const char* what, std::uint64_t value) {
    sample("ox_db_replication_total", "Events of the replication monitor", true,
           {{"event", what}}, static_cast<double>(value));
  };
  event("announced", p.announced);
  event("waited-for-replica", r.caughtUp);
  event("unconfirmed", r.unconfirmed);
  event("not-raised", r.notRaised);
  event("known", p.known);
  event("absent", p.absent);
  event("untrusted", p.untrusted);
  event("silent", p.silent);
  event("undecodable", p.undecodable);
  event("refuted", p.refuted);
  event("master-asked", r.counterAsked);
  event("stale", r.stale);
  sample("ox_db_replication_owed", "Numbers that the grid has not taken yet", false, {},
         static_cast<double>(p.owed));
  sample("ox_db_replication_grid_trusted", "1 = the grid is asked how far replicas must be", false,
         {}, p.trusted ? 1 : 0);
  sample("ox_db_down", "Databases that do not answer reads now", false, {},
         static_cast<double>(database.down()));
}

}  // namespace ox::database
