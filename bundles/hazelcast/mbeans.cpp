#include "mbeans.h"

#include "member_protocol/message.h"

namespace ox::grid {
namespace {
using management::Attributes;
using management::MBean;
using management::MetricSample;

// What became of this member's entries of a map when it joined another half of the cluster.
struct MergeReason {
  const char* reason;     // label of the metric
  const char* attribute;  // of the map's bean
  std::uint64_t services::MergeStats::*count;
};
constexpr MergeReason kMergeReasons[] = {
    {"kept-new", "localMergeKeptNewCount", &services::MergeStats::added},
    {"kept-replaced", "localMergeKeptReplacedCount", &services::MergeStats::replaced},
    {"kept-same", "localMergeKeptSameCount", &services::MergeStats::same},
    {"dropped-older", "localMergeDroppedOlderCount", &services::MergeStats::droppedOlder},
    {"dropped-removed", "localMergeDroppedRemovedCount", &services::MergeStats::droppedRemoved},
    {"dropped-expired", "localMergeDroppedExpiredCount", &services::MergeStats::droppedExpired},
    {"dropped-policy", "localMergeDroppedPolicyCount", &services::MergeStats::droppedPolicy},
    {"dropped-refused", "localMergeDroppedRefusedCount", &services::MergeStats::failed},
    {"removed-there", "localMergeRemovedThereCount", &services::MergeStats::removals},
};

std::string text(bool b) { return b ? "true" : "false"; }
template <typename N>
std::string text(N n) {
  return std::to_string(n);
}

Attributes mapAttributes(const services::GridMap& map, const MapConfig& config,
                         const services::MergeStats& merged) {
  const auto s = map.localStats();
  Attributes out{{"name", map.name()},
          {"config", "MapConfig{name='" + map.name() + "', backupCount=" +
                         text(config.backupCount) + ", asyncBackupCount=" +
                         text(config.asyncBackupCount) + ", timeToLiveSeconds=" +
                         text(config.timeToLiveSeconds) + ", maxIdleSeconds=" +
                         text(config.maxIdleSeconds) + "}"},
          {"localOwnedEntryCount", text(s.ownedEntryCount)},
          {"localBackupEntryCount", text(s.backupEntryCount)},
          {"localBackupCount", text(config.backupCount)},
          {"localOwnedEntryMemoryCost", text(s.ownedEntryMemoryCost)},
          {"localBackupEntryMemoryCost", text(s.backupEntryMemoryCost)},
          {"localHits", text(s.hits)},
          {"localGetOperationCount", text(s.getOperationCount)},
          {"localPutOperationCount", text(s.putOperationCount)},
          {"localRemoveOperationCount", text(s.removeOperationCount)},
          {"localLockedEntryCount", text(s.lockedEntryCount)},
          {"localOtherOperationCount", text(s.otherOperationCount)},
          {"localEventOperationCount", text(s.eventOperationCount)},
          {"localQueryCount", text(s.queryCount)},
          {"localIndexedQueryCount", text(s.indexedQueryCount)},
          {"localEvictionCount", text(s.evictionCount)},
          {"localExpirationCount", text(s.expirationCount)},
          {"localLastAccessTime", text(s.lastAccessTime)},
          {"localLastUpdateTime", text(s.lastUpdateTime)}};
  for (const MergeReason& r : kMergeReasons) out.emplace_back(r.attribute, text(merged.*r.count));
  return out;
}

std::string joined(const std::vector<config::HostPort>& nodes) {
  std::string out;
  for (const auto& n : nodes)
    out += (out.empty() ? "" : ", ") + n.host + (n.port ? ":" + text(n.port) : std::string());
  return out;
}

Attributes instanceAttributes(const Engine& engine) {
  const auto s = engine.state();
  const GridConfig& c = engine.config();
  return {{"name", engine.instanceName()},
          {"version", OX_VERSION},
          {"clusterVersion", s.clusterVersion},
          {"memberCount", text(s.members.size())},
          {"running", text(s.joined)},
          {"Members", [&] {
             std::string all;
             for (const auto& m : s.members)
               all += (all.empty() ? "" : ", ") + Address{m.host, m.port}.toString();
             return "[" + all + "]";
           }()},
          {"config", "Config{groupConfig=GroupConfig [name=" + c.clusterName +
                         "], interfaces=[" + c.bindHost + "], tcpIpConfig=TcpIpConfig [enabled=" +
                         text(c.join == "static") + ", members=[" + joined(c.nodes) + "]]}"}};
}

Attributes nodeAttributes(const Engine& engine) {
  const auto s = engine.state();
  Attributes out{{"address", engine.address().toString()},
                 {"uuid", engine.id().toString()},
                 {"lite", text(engine.config().lite)},
                 {"ownedPartitions", text(s.ownedPartitions)},
                 {"partitionCount", text(s.partitionCount)},
                 {"migrationsPending", text(s.migrationsPending)},
                 {"viewVersion", text(s.viewVersion)},
                 {"safe", text(s.safe)}};
  if (!s.members.empty()) {
    out.emplace_back("masterAddress",
                     Address{s.members.front().host, s.members.front().port}.toString());
    out.emplace_back("master", text(s.members.front().local));
  }
  return out;
}

Attributes connectionAttributes(const Engine& engine) {
  const auto f = engine.figures();
  return {{"connectionCount", text(f.controlLinks)},
          {"acceptedSocketCount", text(f.accepted)},
          {"closedUnknownProtocolCount", text(f.unknownProtocol)},
          {"linkResetCount", text(f.linkResets)}};
}

void sample(std::vector<MetricSample>& out, const char* name, const char* help, bool counter,
            double value, std::vector<std::pair<std::string, std::string>> labels = {}) {
  MetricSample s;
  s.name = name;
  s.help = help;
  s.counter = counter;
  s.labels = std::move(labels);
  s.value = value;
  out.push_back(std::move(s));
}
}  // namespace

std::vector<MBean> gridBeans(const std::shared_ptr<Engine>& engine) {
  std::vector<MBean> out;
  const std::string instance = engine->instanceName();
  const auto bean = [&](const std::string& type, Attributes (*attributes)(const Engine&)) {
    out.push_back({"com.hazelcast:type=" + type + ",instance=" + instance + ",name=" + instance,
                   [engine, attributes] { return attributes(*engine); }});
  };
  bean("HazelcastInstance", instanceAttributes);
  bean("HazelcastInstance.Node", nodeAttributes);
  bean("HazelcastInstance.ConnectionManager", connectionAttributes);
  for (const auto& name : engine->mapNames())
    out.push_back({"com.hazelcast:type=IMap,instance=" + instance + ",name=" + name,
                   [engine, name] {
                     const auto merges = engine->figures().merges;
                     const auto merged = merges.find(name);
                     return mapAttributes(
                         *engine->map(name), engine->config().maps->of(name),
                         merged == merges.end() ? services::MergeStats() : merged->second);
                   }});
  for (const auto& topic : engine->topics())
    out.push_back({"com.hazelcast:type=ITopic,instance=" + instance + ",name=" + topic->name(),
                   [topic] {
                     const auto s = topic->localStats();
                     return Attributes{
                         {"name", topic->name()},
                         {"localPublishOperationCount", text(s.publishOperationCount)},
                         {"localReceiveOperationCount", text(s.receiveOperationCount)},
                         {"localGapCount", text(s.gapCount)}};
                   }});
  const auto state = engine->state();
  for (std::size_t i = 0; i < state.members.size(); ++i) {
    const auto m = state.members[i];
    // The colon of the port would need quotes in an object name.
    out.push_back({"com.hazelcast:type=Member,instance=" + instance + ",name=" + m.host + "_" +
                       text(m.port),
                   [m, master = i == 0] {
                     return Attributes{{"address", Address{m.host, m.port}.toString()},
                                       {"uuid", m.uuid},
                                       {"lite", text(m.lite)},
                                       {"local", text(m.local)},
                                       {"master", text(master)}};
                   }});
  }
  out.push_back({"com.openexchange.hazelcast:name=Hazelcast Toolkit", [engine] {
                   const auto s = engine->state();
                   return Attributes{{"partitionCount", text(s.partitionCount)},
                                     {"unownedPartitions", text(s.unownedPartitions)},
                                     {"supportsPartitionReplicas", "true"},
                                     {"usesCustomPartitioning", "false"}};
                 }});
  return out;
}

void gridMetrics(Engine& engine, std::vector<MetricSample>& out) {
  const auto s = engine.state();
  const auto f = engine.figures();
  sample(out, "ox_grid_members", "Members in the installed view", false,
         static_cast<double>(s.members.size()));
  sample(out, "ox_grid_joined", "1 when this member is in a cluster", false, s.joined ? 1 : 0);
  sample(out, "ox_grid_safe", "1 when every copy exists, as far as this member knows", false,
         s.safe ? 1 : 0);
  sample(out, "ox_grid_partitions_owned", "Partitions owned by this member", false,
         s.ownedPartitions);
  sample(out, "ox_grid_partitions_unowned", "Partitions nobody owns", false, s.unownedPartitions);
  sample(out, "ox_grid_migrations_pending", "Copies under way in the cluster", false,
         s.migrationsPending);
  sample(out, "ox_grid_unsynced_replicas", "Backups of this member's partitions that lag", false,
         static_cast<double>(f.unsyncedReplicas));
  for (const auto& name : engine.mapNames()) {
    const auto m = engine.map(name)->localStats();
    const char* entries = "Entries of the map held by this member";
    const char* bytes = "Bytes of the map held by this member";
    sample(out, "ox_grid_map_entries", entries, false, static_cast<double>(m.ownedEntryCount),
           {{"map", name}, {"kind", "owned"}});
    sample(out, "ox_grid_map_entries", entries, false, static_cast<double>(m.backupEntryCount),
           {{"map", name}, {"kind", "backup"}});
    sample(out, "ox_grid_map_bytes", bytes, false, static_cast<double>(m.ownedEntryMemoryCost),
           {{"map", name}, {"kind", "owned"}});
    sample(out, "ox_grid_map_bytes", bytes, false, static_cast<double>(m.backupEntryMemoryCost),
           {{"map", name}, {"kind", "backup"}});
  }
  for (const auto& [reason, n] : f.refused)
    sample(out, "ox_grid_refused_total", "Member links refused, by either side", true,
           static_cast<double>(n), {{"reason", reason}});
  sample(out, "ox_grid_unknown_protocol_total", "Connections closed: first bytes of no protocol",
         true, static_cast<double>(f.unknownProtocol));
  sample(out, "ox_grid_encrypted", "1 when the links to other members are encrypted", false,
         f.encrypted ? 1 : 0);
  if (f.certificateUntilMillis != 0)
    sample(out, "ox_grid_certificate_valid_until_seconds",
           "End of the certificate of this member, seconds since 1970", false,
           static_cast<double>(f.certificateUntilMillis) / 1000);
  sample(out, "ox_grid_silent_total", "Connections closed: no first bytes in time", true,
         static_cast<double>(f.silent));
  sample(out, "ox_grid_too_many_total", "Connections closed: too many at once", true,
         static_cast<double>(f.tooMany));
  sample(out, "ox_grid_bad_messages_total", "Undecodable messages of members", true,
         static_cast<double>(f.badMessages));
  const auto data = [&](const char* name, const char* help, bool total, auto n) {
    sample(out, name, help, total, static_cast<double>(n));
  };
  data("ox_grid_fences_total", "Pauses after which the member list had to be confirmed", true,
       f.data.fences);
  data("ox_grid_memory_refused_total", "Writes refused at the memory limit", true,
       f.data.memoryRefused);
  data("ox_grid_memory_used_bytes", "Bytes of the entries and tombstones held here", false,
       f.data.bytes);
  data("ox_grid_protection_refused_total", "Operations refused below a map's minClusterSize", true,
       f.data.protectionRefused);
  data("ox_grid_fewer_copies_total", "Writes with fewer backups than configured", true,
       f.data.fewerCopies);
  data("ox_grid_repairs_total", "Backups found different by their digest and copied anew", true,
       f.data.repairs);
  data("ox_grid_retries_indeterminate_total", "Retries of operations not remembered any more", true,
       f.data.indeterminateRetries);
  data("ox_grid_tombstones", "Removals remembered", false, f.data.tombstones);
  data("ox_grid_tombstones_dropped_total", "Removals forgotten early, for a bound", true,
       f.data.tombstonesDropped);
  data("ox_grid_merge_kept_total", "Own entries taken over by another half of the cluster", true,
       f.data.mergeKept);
  data("ox_grid_merge_dropped_total", "Own entries dropped when joining another half", true,
       f.data.mergeDropped);
  for (const auto& [name, merged] : f.merges)
    for (const MergeReason& r : kMergeReasons)
      sample(out, "ox_grid_map_merge_total",
             "What became of this member's entries when it joined another half, by map and reason",
             true, static_cast<double>(merged.*r.count), {{"map", name}, {"reason", r.reason}});
  sample(out, "ox_grid_link_resets_total", "Data sessions that broke and were dialled again", true,
         static_cast<double>(f.linkResets));
  sample(out, "ox_grid_pauses_total", "Times this node stood still", true,
         static_cast<double>(f.pauses));
  sample(out, "ox_grid_longest_pause_milliseconds", "Longest time this node stood still", false,
         static_cast<double>(f.longestPauseMillis));
}

void discoveryMetrics(const Engine& engine, std::vector<MetricSample>& out) {
  const DiscoveryCounters& d = engine.discovered();
  const std::string mode = engine.config().join;
  const auto count = [&](const char* name, const char* help, bool total, std::uint64_t n) {
    sample(out, name, help, total, static_cast<double>(n), {{"mode", mode}});
  };
  count("ox_grid_discovery_candidates", "Addresses that discovery knows now", false, d.candidates);
  count("ox_grid_discovery_changes_total", "Changes of that list", true, d.changes);
  count("ox_grid_discovery_looks_total", "Times that names were asked for, or announcements sent",
        true, d.looks);
  count("ox_grid_discovery_failures_total", "Names that could not be resolved, by attempt", true,
        d.failures);
  if (mode == "multicast") {
    const std::pair<const char*, std::uint64_t> kinds[] = {
        {"sent", d.packetsSent},       {"heard", d.packetsHeard}, {"foreign", d.packetsForeign},
        {"unproven", d.packetsUnproven}, {"bad", d.packetsBad},   {"dropped", d.packetsDropped}};
    for (const auto& [kind, n] : kinds)
      sample(out, "ox_grid_multicast_packets_total", "Multicast announcements", true,
             static_cast<double>(n), {{"kind", kind}});
  }
  if (!engine.config().outboundPorts.empty())
    sample(out, "ox_grid_outbound_ports_exhausted_total",
           "Dials that found no outbound port free", true,
           static_cast<double>(engine.sourcePortsExhausted()));
}

std::string notReady(const Engine& engine) {
  return engine.state().joined ? "" : "this member has not joined a cluster";
}

std::string notSafe(const Engine& engine) {
  const auto s = engine.state();
  if (!s.joined) return notReady(engine);
  if (s.safe) return {};
  return text(s.migrationsPending) + " copies are under way, " + text(s.unownedPartitions) +
         " partitions have no owner, " + text(engine.figures().unsyncedReplicas) +
         " backups lag";
}

std::vector<management::Registration> showGrid(management::Management& management,
                                               const std::shared_ptr<Engine>& engine) {
  const std::weak_ptr<Engine> weak = engine;
  std::vector<management::Registration> out;
  out.push_back(management.addMBeans([weak] {
    const auto e = weak.lock();
    return e ? gridBeans(e) : std::vector<MBean>();
  }));
  out.push_back(management.addMetrics([weak](std::vector<MetricSample>& samples) {
    const auto e = weak.lock();
    if (!e) return;
    gridMetrics(*e, samples);
    discoveryMetrics(*e, samples);
  }));
  const auto health = [weak](std::string (*check)(const Engine&)) {
    return [weak, check](std::string& why) {
      const auto e = weak.lock();
      why = e ? check(*e) : "the grid is stopped";
      return why.empty();
    };
  };
  out.push_back(management.addReadiness("grid", health(notReady)));
  out.push_back(management.addSafety("grid", health(notSafe)));
  return out;
}

}  // namespace ox::grid
