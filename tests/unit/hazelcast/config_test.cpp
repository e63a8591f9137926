#include <doctest/doctest.h>

#include <algorithm>

#include "config.h"
#include "config/scratch.h"
#include "discovery/candidates.h"

using namespace ox;
using namespace ox::grid;

namespace {
constexpr const char* kHz = "com.openexchange.hazelcast.";

struct Read {
  GridConfig config;
  std::vector<config::Problem> problems;  // of ours and of the general rules
  bool error(const std::string& key, const std::string& part = "") const {
    return std::any_of(problems.begin(), problems.end(), [&](const config::Problem& p) {
      return p.severity == config::Problem::Severity::kError && p.key == key &&
             p.text.find(part) != std::string::npos;
    });
  }
  int errors() const {
    return static_cast<int>(
        std::count_if(problems.begin(), problems.end(), [](const config::Problem& p) {
          return p.severity == config::Problem::Severity::kError;
        }));
  }
};

Read read(const std::vector<std::pair<std::string, std::string>>& settings,
          const std::vector<std::pair<std::string, std::string>>& files = {}) {
  test::Scratch etc;
  std::string text;
  for (const auto& [key, value] : settings) text += kHz + key + "=" + value + "\n";
  etc.write("hazelcast.properties", text);
  for (const auto& [name, content] : files) etc.write(name, content);
  const auto loaded = config::Config::load(etc.path());
  Read out;
  out.config = readGridConfig(*loaded, {"10.0.0.15", "127.0.0.1"}, out.problems);
  for (const auto& p : loaded->problems())
    if (p.file.starts_with("hazelcast")) out.problems.push_back(p);
  return out;
}
}  // namespace

TEST_CASE("nothing configured: alone, on loopback, port 5711") {
  const Read r = read({});
  CHECK(r.errors() == 0);
  CHECK(r.config.join == "empty");
  CHECK(r.config.clusterName == "ox-10.1");
  CHECK(r.config.bindHost == "127.0.0.1");
  CHECK(r.config.port == 5711);
}

TEST_CASE("the user's document: group, static list, interfaces") {
  const Read r = read({{"group.name", "MyCluster"},
                       {"network.join", "static"},
                       {"network.join.static.nodes", "10.0.0.15, 10.0.0.16:5801, node3"},
                       {"network.interfaces", "10.0.0.*"}});
  CHECK(r.errors() == 0);
  CHECK(r.config.clusterName == "MyCluster-10.1");
  CHECK(r.config.bindHost == "10.0.0.15");
  REQUIRE(r.config.nodes.size() == 3);
  std::map<std::string, std::string> failed;
  const auto addresses = candidateAddresses(
      r.config.nodes, r.config.port,
      [](const std::string& host) -> Result<std::vector<std::string>> {
        CHECK(host == "node3");
        return Error(Code::kNetRefused, "node3 is unknown");
      },
      failed);
  CHECK(addresses == std::vector<Address>{{"10.0.0.15", 5711}, {"10.0.0.15", 5712},
                                          {"10.0.0.15", 5713}, {"10.0.0.16", 5801}});
  CHECK(failed == std::map<std::string, std::string>{{"node3", "node3 is unknown"}});
}

TEST_CASE("interfaces present but empty: everywhere, others are told a reachable address") {
  const Read r = read({{"network.interfaces", ""}});
  CHECK(r.config.bindHost == "0.0.0.0");
  CHECK(r.config.announcedHost == "10.0.0.15");
}

TEST_CASE("mistakes are named with their key") {
  const std::string hz = kHz;
  CHECK(read({{"network.join", "static"}, {"network.join.static.nodes", "10.0.0.1"}})
            .error(hz + "group.name"));
  CHECK(read({{"group.name", "a"}, {"network.join", "static"}})
            .error(hz + "network.join.static.nodes"));
  CHECK(read({{"network.join", "carrier-pigeon"}}).error(hz + "network.join"));
  CHECK(read({{"group.name", "a"}, {"network.join", "aws"}}).error(hz + "network.join", "kubernetes"));
  CHECK(read({{"group.name", "a"}, {"network.join", "dns"}})
            .error(hz + "network.join.dns.domainNames"));
  CHECK(read({{"group.name", "a"}, {"network.join", "dns"}, {"network.join.dns.domainNames", "a b"}})
            .error(hz + "network.join.dns.domainNames", "\"a b\""));
  CHECK(read({{"group.name", "a"}, {"network.join", "kubernetes"}})
            .error(hz + "network.join.k8s.serviceName"));
  CHECK(read({{"group.name", "a"}, {"network.join", "static"},
              {"network.join.static.nodes", "10.0.0.1,fe80::1"}})
            .error(hz + "network.join.static.nodes", "link-local"));
  CHECK(read({{"network.interfaces", "172.16.*.*"}})
            .error(hz + "network.interfaces", "10.0.0.15, 127.0.0.1"));
  CHECK(read({{"network.portOffset", "many"}}).error(hz + "network.portOffset"));
  const Read high = read({{"network.port", "65530"}});
  CHECK(high.error(hz + "network.portOffset"));
  CHECK(high.errors() == 1);  // the general rules know it, too: named once
}

TEST_CASE("the port offset is added, auto is ten") {
  CHECK(read({{"network.port", "6000"}, {"network.portOffset", "0"}}).config.port == 6000);
  CHECK(read({{"network.port", "6000"}, {"network.portOffset", "7"}}).config.port == 6007);
  CHECK(read({{"network.port", "6000"}, {"network.portOffset", "auto"}}).config.port == 6010);
}

TEST_CASE("the map of the replicas' numbers is there, evictable, and united by the higher number") {
  const MapConfig m = read({}).config.maps->of("replication-positions-1");
  CHECK(m.mergePolicy == MergePolicy::kHigherNumber);
  CHECK(m.backupCount == 1);
  CHECK(m.maxIdleSeconds == 3600);
  CHECK(m.eviction == Eviction::kLru);
  CHECK(m.maxSize == 200'000);
  CHECK_FALSE(m.readBackupData);
  const std::string p = "com.openexchange.hazelcast.configuration.map.";
  const Read own = read({}, {{"hazelcast/positions.properties",
                              p + "name=replication-positions-1\n" + p + "backupCount=2\n" + p +
                                  "mergePolicy=higher-number\n"}});
  CHECK(own.errors() == 0);
  CHECK(own.config.maps->of("replication-positions-1").backupCount == 2);
}

TEST_CASE("maps come from their files; a bad value has file and line") {
  const std::string p = "com.openexchange.hazelcast.configuration.map.";
  const Read good = read({}, {{"hazelcast/sessions.properties",
                               p + "name=sessions-7\n" + p + "backupCount=2\n" + p +
                                   "maxIdleSeconds=640000\n" + p +
                                   "indexes.attributes=altId, contextId\n" + p + "colour=red\n"}});
  CHECK(good.errors() == 0);
  const MapConfig m = good.config.maps->of("sessions-7");
  CHECK(m.backupCount == 2);
  CHECK(m.maxIdleSeconds == 640000);
  CHECK(m.indexes == std::vector<std::string>{"altId", "contextId"});
  CHECK(std::any_of(good.problems.begin(), good.problems.end(), [&](const config::Problem& q) {
    return q.severity == config::Problem::Severity::kWarn && q.key == p + "colour" && q.line == 5;
  }));
  const Read bad = read({}, {{"hazelcast/sessions.properties",
                              p + "name=sessions-7\n" + p + "backupCount=7\n"}});
  CHECK(bad.error(p + "backupCount"));
  CHECK(read({}, {{"hazelcast/a.properties", p + "name=m\n" + p + "backupCount=4\n" + p +
                                                 "asyncBackupCount=4\n"}})
            .errors() >= 1);
  CHECK(read({}, {{"hazelcast/a.properties", p + "backupCount=1\n"}}).error(p + "name"));
}

TEST_CASE("maps: eviction, merge policy, minimum size of the cluster, discardable") {
  const std::string p = "com.openexchange.hazelcast.configuration.map.";
  const auto map = [&](const std::string& lines) {
    return read({}, {{"hazelcast/a.properties", p + "name=m\n" + lines}});
  };
  const Read plain = map("");
  CHECK(plain.config.maps->of("m").eviction == Eviction::kNone);
  CHECK(plain.config.maps->of("m").mergePolicy == MergePolicy::kLatestUpdate);
  CHECK(plain.config.maps->of("m").minClusterSize == 0);
  CHECK_FALSE(plain.config.maps->of("m").discardable);

  const Read full = map(p + "evictionPolicy=lfu\n" + p + "maxSizePolicy=USED_HEAP_SIZE\n" + p +
                        "maxSize=64\n" + p + "mergePolicy=HigherHitsMergePolicy\n" + p +
                        "minClusterSize=3\n" + p + "minClusterSizeProtects=write\n" + p +
                        "discardable=true\n");
  CHECK(full.errors() == 0);
  const MapConfig m = full.config.maps->of("m");
  CHECK(m.eviction == Eviction::kLfu);
  CHECK(m.maxSizePolicy == MaxSizePolicy::kUsedMemory);
  CHECK(m.maxSize == 64);
  CHECK(m.mergePolicy == MergePolicy::kHigherHits);
  CHECK(m.minClusterSize == 3);
  CHECK_FALSE(m.protectReads);
  CHECK(m.discardable);
  CHECK(map(p + "maxSizePolicy=per_partition\n").config.maps->of("m").maxSizePolicy ==
        MaxSizePolicy::kPerPartition);

  CHECK(map(p + "evictionPolicy=RANDOM\n").error(p + "evictionPolicy", "LRU"));
  CHECK(map(p + "maxSizePolicy=FREE_HEAP\n").error(p + "maxSizePolicy", "PER_PARTITION"));
  CHECK(map(p + "maxSize=-1\n").error(p + "maxSize"));
  CHECK(map(p + "mergePolicy=newest\n").error(p + "mergePolicy", "latest-update"));
  CHECK(map(p + "minClusterSize=many\n").error(p + "minClusterSize"));
  CHECK(map(p + "minClusterSizeProtects=reads\n").error(p + "minClusterSizeProtects", "read-write"));
  CHECK(map(p + "discardable=perhaps\n").error(p + "discardable"));
}

TEST_CASE("the limits of the member's memory") {
  CHECK(read({}).config.discardableMaxBytes == 0);
  const Read r = read({{"maxBytes", "1000000000"}, {"discardableMaxBytes", "200000000"}});
  CHECK(r.errors() == 0);
  CHECK(r.config.maxBytes == 1'000'000'000);
  CHECK(r.config.discardableMaxBytes == 200'000'000);
  CHECK(read({{"maxBytes", "all"}}).error("com.openexchange.hazelcast.maxBytes"));
  CHECK(read({{"discardableMaxBytes", "-1"}})
            .error("com.openexchange.hazelcast.discardableMaxBytes"));
}

TEST_CASE("every way to find others has its settings") {
  const Read m = read({{"group.name", "a"},
                       {"network.join", "Multicast"},
                       {"network.join.multicast.group", "239.1.2.3"},
                       {"network.join.multicast.port", "5000"},
                       {"network.join.multicast.timeToLive", "3"},
                       {"network.join.multicast.loopback", "false"}});
  CHECK(m.errors() == 0);
  CHECK(m.config.join == "multicast");
  CHECK(m.config.multicast == MulticastSettings{"239.1.2.3", 5000, 3, false});
  const Read d = read({{"group.name", "a"},
                       {"network.join", "dns"},
                       {"network.join.dns.domainNames", "grid.example.com, _hz._tcp.example.com"},
                       {"network.join.dns.resolverHost", "10.0.0.2"},
                       {"network.join.dns.resolverPort", "5353"},
                       {"network.join.dns.refreshMillis", "5000"}});
  CHECK(d.errors() == 0);
  CHECK(d.config.dns ==
        DnsSettings{{"grid.example.com", "_hz._tcp.example.com"}, "10.0.0.2", 5353, 5000});
  CHECK(read({{"network.join.dns.resolverPort", "-1"}}).config.dns.resolverPort == 53);
  const Read k = read({{"group.name", "a"},
                       {"network.join", "kubernetes"},
                       {"network.join.k8s.serviceName", "grid"},
                       {"network.join.k8s.namespace", "mail"}});
  CHECK(k.errors() == 0);
  CHECK(k.config.dns.names == std::vector<std::string>{"grid.mail.svc"});
}

TEST_CASE("outbound ports, merge delays and properties of the original's library") {
  const Read r = read({{"network.outboundPortDefinitions", "33000-35000, 36000"},
                       {"merge.firstRunDelay", "30s"},
                       {"merge.runDelay", "1m"}});
  CHECK(r.errors() == 0);
  CHECK(r.config.outboundPorts == std::vector<net::PortRange>{{33000, 35000}, {36000, 36000}});
  CHECK(r.config.mergeFirstMillis == 30'000);
  CHECK(r.config.mergeNextMillis == 60'000);
  CHECK(read({}).config.mergeFirstMillis == 120'000);
  CHECK(read({{"network.outboundPortDefinitions", "35000-33000"}}).errors() == 1);

  test::Scratch etc;
  etc.write("hazelcast.properties", "hazelcast.merge.first.run.delay.seconds=7\n"
                                    "hazelcast.operation.call.timeout.millis=1234\n"
                                    "hazelcast.socket.connect.timeout.seconds=3\n"
                                    "hazelcast.socket.bind.any=true\n"
                                    "hazelcast.no.such.thing=1\n");
  const auto loaded = config::Config::load(etc.path());
  std::vector<config::Problem> problems;
  const GridConfig c = readGridConfig(*loaded, {"127.0.0.1"}, problems);
  CHECK(c.mergeFirstMillis == 7000);
  CHECK(c.callTimeoutMillis == 1234);
  CHECK(c.connectMillis == 3000);
  CHECK(c.bindHost == "0.0.0.0");
  CHECK(std::any_of(loaded->problems().begin(), loaded->problems().end(), [](const auto& p) {
    return p.line == 5 && p.severity == config::Problem::Severity::kWarn &&
           p.text.find("unknown") != std::string::npos;
  }));
}

TEST_CASE("interfaces: patterns, ranges, IPv6 only when enabled") {
  CHECK(read({{"network.interfaces", "10.0.1.10-20, 10.0.0.10-20"}}).config.bindHost == "10.0.0.15");
  CHECK(read({{"network.interfaces", "10.0.0.*"}, {"socket.bindAny", "true"}}).config.bindHost ==
        "0.0.0.0");
  CHECK(read({{"network.interfaces", "10.0.0.*"}, {"socket.bindAny", "true"}})
            .config.announcedHost == "10.0.0.15");
  test::Scratch etc;
  const auto with = [&](const std::string& more) {
    etc.write("hazelcast.properties",
              std::string(kHz) + "network.interfaces=2001:db8:*:*:*:*:*:*\n" + more);
    std::vector<config::Problem> problems;
    const auto config = config::Config::load(etc.path());
    const GridConfig c =
        readGridConfig(*config, {"10.0.0.15", "2001:db8::5", "127.0.0.1"}, problems);
    return problems.empty() ? c.bindHost : problems.front().key;
  };
  CHECK(with("") == std::string(kHz) + "network.interfaces");
  CHECK(with(std::string(kHz) + "network.enableIPv6Support=true\n") == "2001:db8::5");
  CHECK(with(std::string(kHz) + "network.enableIPv6Support=true\n" + kHz + "group.name=a\n" + kHz +
             "network.join=multicast\n") == std::string(kHz) + "network.interfaces");
}
