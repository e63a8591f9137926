#include <doctest/doctest.h>

#include <algorithm>

#include "config.h"
#include "config/scratch.h"

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
  std::vector<std::string> failed;
  const auto addresses = candidateAddresses(
      r.config.nodes, r.config.port,
      [](const std::string& host) -> Result<std::vector<std::string>> {
        CHECK(host == "node3");
        return Error(Code::kNetRefused, "node3 is unknown");
      },
      failed);
  CHECK(addresses == std::vector<Address>{{"10.0.0.15", 5711}, {"10.0.0.15", 5712},
                                          {"10.0.0.15", 5713}, {"10.0.0.16", 5801}});
  CHECK(failed == std::vector<std::string>{"node3 is unknown"});
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
  for (const char* mode : {"multicast", "dns", "aws", "kubernetes"})
    CHECK(read({{"group.name", "a"}, {"network.join", mode}}).error(hz + "network.join"));
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
