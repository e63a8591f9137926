#include <doctest/doctest.h>

#include <algorithm>

#include "config.h"
#include "config/scratch.h"
#include "hazelcast_xml.h"
#include "xml_tree.h"

using namespace ox;
using namespace ox::grid;

namespace {
struct Read {
  GridConfig config;
  std::vector<config::Problem> problems;
  bool has(config::Problem::Severity severity, int line, const std::string& part) const {
    return std::any_of(problems.begin(), problems.end(), [&](const config::Problem& p) {
      return p.severity == severity && p.file == kHazelcastXml && p.line == line &&
             (p.key + ": " + p.text).find(part) != std::string::npos;
    });
  }
  bool error(int line, const std::string& part) const {
    return has(config::Problem::Severity::kError, line, part);
  }
  bool warning(int line, const std::string& part) const {
    return has(config::Problem::Severity::kWarn, line, part);
  }
};

Read read(const std::string& xml, const std::string& properties = "",
          const std::string& sessions = "") {
  test::Scratch etc;
  if (!xml.empty()) etc.write(kHazelcastXml, xml);
  etc.write("hazelcast.properties", properties);
  if (!sessions.empty()) etc.write("hazelcast/sessions.properties", sessions);
  Read out;
  const auto loaded = config::Config::load(etc.path());
  out.config = readGridConfig(*loaded, {"10.0.0.15", "127.0.0.1"}, out.problems);
  for (const auto& p : loaded->problems())
    if (p.file.starts_with("hazelcast")) out.problems.push_back(p);
  return out;
}

constexpr const char* kBody = R"(<?xml version="1.0" encoding="UTF-8"?>
<hazelcast xsi:schemaLocation="http://www.hazelcast.com/schema/config hazelcast-config-3.1.xsd"
           xmlns="http://www.hazelcast.com/schema/config"
           xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <group><name>FromXml</name></group>
  <properties>
    <property name="hazelcast.heartbeat.interval.seconds">2</property>
    <property name="hazelcast.merge.first.run.delay.seconds">9</property>
    <property name="hazelcast.icmp.enabled">true</property>
  </properties>
  <network>
    <port auto-increment="false">6000</port>
    <outbound-ports><ports>33000-35000</ports><ports>36000, 37000</ports></outbound-ports>
    <join>
      <multicast enabled="false"><multicast-port>5000</multicast-port></multicast>
      <tcp-ip enabled="true">
        <member>10.0.0.15</member>
        <member-list><member>10.0.0.16:5801</member></member-list>
      </tcp-ip>
    </join>
    <interfaces enabled="true"><interface>10.0.0.*</interface></interfaces>
  </network>
  <partition-group enabled="true" group-type="CUSTOM">
    <member-group><interface>10.0.0.15</interface></member-group>
    <member-group><interface>10.0.0.16-17</interface><interface>10.0.1.*</interface></member-group>
  </partition-group>
  <map name="default"><backup-count>2</backup-count></map>
  <map name="sessions-7">
    <backup-count>1</backup-count>
    <max-idle-seconds>100</max-idle-seconds>
    <indexes><index ordered="true">contextId</index>
      <index type="HASH"><attributes><attribute>altId</attribute></attributes></index></indexes>
    <in-memory-format>BINARY</in-memory-format>
  </map>
  <queue name="q"/>
</hazelcast>
)";
}  // namespace

TEST_CASE("hazelcast.xml is the base of the configuration") {
  const Read r = read(kBody);
  for (const auto& p : r.problems)
    CHECK_MESSAGE(p.severity == config::Problem::Severity::kWarn, p.toString());
  CHECK(r.config.clusterName == "FromXml-10.1");
  CHECK(r.config.heartbeatMillis == 2000);
  CHECK(r.config.mergeFirstMillis == 9000);
  CHECK(r.config.port == 6010);
  CHECK(r.config.portTries == 1);
  CHECK(r.config.outboundPorts ==
        std::vector<net::PortRange>{{33000, 35000}, {36000, 36000}, {37000, 37000}});
  CHECK(r.config.join == "static");
  REQUIRE(r.config.nodes.size() == 2);
  CHECK(r.config.nodes[1].port == 5801);
  CHECK(r.config.bindHost == "10.0.0.15");
  CHECK(r.config.multicast.port == 5000);
  CHECK(r.config.maps->of("anything").backupCount == 2);
  const MapConfig m = r.config.maps->of("sessions-7");
  CHECK(m.backupCount == 1);
  CHECK(m.maxIdleSeconds == 100);
  CHECK(m.orderedIndexes == std::vector<std::string>{"contextId"});
  CHECK(m.indexes == std::vector<std::string>{"altId"});
  CHECK(r.config.partitionGroup.text() == "CUSTOM [10.0.0.15] [10.0.0.16-17, 10.0.1.*]");
  // What has no effect is named, with its line, and nothing else is.
  CHECK(r.warning(9, "hazelcast.icmp.enabled"));
  CHECK(r.warning(35, "<queue>"));
  CHECK(r.warning(0, "can be reached from other machines"));
  CHECK(std::count_if(r.problems.begin(), r.problems.end(),
                      [](const auto& p) { return p.file == kHazelcastXml; }) == 3);
}

TEST_CASE("properties win over hazelcast.xml; without the file nothing changes") {
  const std::string hz = "com.openexchange.hazelcast.";
  const std::string map = hz + "configuration.map.";
  const Read r = read(kBody,
                      hz + "group.name=FromProperties\n" + hz + "network.port=7000\n" + hz +
                          "network.join=empty\n" + hz + "network.interfaces=127.0.0.1\n" +
                          "hazelcast.heartbeat.interval.seconds=3\n",
                      map + "name=sessions-7\n" + map + "backupCount=3\n");
  CHECK(r.config.clusterName == "FromProperties-10.1");
  CHECK(r.config.port == 7010);
  CHECK(r.config.join == "empty");
  CHECK(r.config.bindHost == "127.0.0.1");
  CHECK(r.config.heartbeatMillis == 3000);
  const MapConfig m = r.config.maps->of("sessions-7");
  CHECK(m.backupCount == 3);
  CHECK(m.maxIdleSeconds == 100);  // of hazelcast.xml
  const Read none = read("");
  CHECK(none.problems.empty());
  CHECK(none.config.join == "empty");
  CHECK(none.config.port == 5711);
  CHECK(none.config.partitionGroup.text() == "PER_MEMBER");
}

TEST_CASE("mistakes in hazelcast.xml have a line") {
  const auto body = [](const std::string& inner) { return "<hazelcast>\n" + inner + "\n</hazelcast>"; };
  CHECK(read("<hazelcast>\n<group>\n</hazelcast>").error(3, "no XML"));
  CHECK(read("<zebra/>").error(1, "allowed: <hazelcast>"));
  CHECK(read(body("<network><port>many</port></network>")).error(2, "many"));
  CHECK(read(body("<network><join><multicast enabled=\"yes\"/></join></network>"))
            .error(2, "neither true nor false"));
  CHECK(read(body("<network>\n<join><multicast enabled=\"true\"/><tcp-ip enabled=\"true\"/></join>"
                  "</network>")).error(1, "more than one way"));
  CHECK(read(body("<network><ssl enabled=\"true\"/></network>")).error(2, "in clear"));
  CHECK(read(body("<partition-group enabled=\"true\" group-type=\"ZONE_AWARE\"/>"))
            .error(2, "HOST_AWARE"));
  CHECK(read(body("<partition-group enabled=\"true\" group-type=\"CUSTOM\"/>"))
            .error(2, "member-group"));
  CHECK(read(body("<partition-group enabled=\"true\" group-type=\"CUSTOM\"><member-group>\n"
                  "<interface>10.0.0</interface></member-group></partition-group>"))
            .error(3, "10.0.0"));
  CHECK(read(body("<map name=\"m\">\n<backup-count>9</backup-count></map>")).error(3, "0..6"));
  CHECK(read(body("<properties><property name=\"hazelcast.partition.count\">0</property>"
                  "</properties>")).error(2, "hazelcast.partition.count"));
  CHECK(read(body("<map name=\"m*x*\"/>")).error(2, "one *"));
}

TEST_CASE("a name with a star describes the maps that match it, the nearest one of several") {
  const auto map = [](const char* name, int backups) {
    return "<map name=\"" + std::string(name) + "\"><backup-count>" + std::to_string(backups) +
           "</backup-count></map>\n";
  };
  const Read r = read("<hazelcast>\n" + map("session*", 2) + map("sessions-7", 0) +
                      map("*s-8", 3) + map("sessions-*", 4) + map("*", 5) + "</hazelcast>");
  CHECK(r.problems.empty());
  const MapConfigs& maps = *r.config.maps;
  CHECK(maps.of("sessions-7").backupCount == 0);  // by its name
  CHECK(maps.of("sessions-9").backupCount == 4);
  CHECK(maps.of("sessionstore").backupCount == 2);
  CHECK(maps.of("sessions-8").backupCount == 4);  // nine characters, before four
  CHECK(maps.of("others-8").backupCount == 3);
  CHECK(maps.of("s").backupCount == 5);
  CHECK(maps.of("s").name == "s");
  CHECK(maps.maxCopies() == 5);
  for (const auto& [name, _] : maps.all()) CHECK(name.find('*') == std::string::npos);
}

TEST_CASE("no document type, no entities, no endless documents") {
  const Read bomb = read("<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"aaaa\">]>\n"
                         "<hazelcast><cluster-name>&a;</cluster-name></hazelcast>");
  CHECK(bomb.error(2, "DOCTYPE"));
  CHECK(bomb.config.clusterName == "ox-10.1");
  XmlError error;
  CHECK(!parseXml(std::string(kMaxXmlBytes + 1, ' '), error));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  for (int i = 0; i < 100; ++i) deep += "</a>";
  CHECK(!parseXml(deep, error));
  CHECK(error.line == 1);
  std::string wide = "<a>";
  for (std::size_t i = 0; i <= kMaxXmlElements; ++i) wide += "<b/>";
  CHECK(!parseXml(wide + "</a>", error));
  CHECK(!parseXml(BytesView("<\0a\0/\0>\0", 8), error));
  CHECK(!parseXml("<a>&undefined;</a>", error));
  CHECK(!parseXml("", error));
}

TEST_CASE("a published password is refused in a cluster that only the XML forms") {
  const std::string stock = "<hazelcast><group><name>a</name><password>wtV6$VQk8#+3ds!a</password>"
                            "</group><network><join><tcp-ip enabled=\"true\"><member>10.0.0.16"
                            "</member></tcp-ip></join></network></hazelcast>";
  CHECK(read(stock).error(0, "everybody knows"));
  CHECK(!read(stock, "com.openexchange.hazelcast.group.password=of-our-own\n")
             .error(0, "everybody knows"));
}

TEST_CASE("partition groups of members") {
  const Read r = read(kBody);
  const auto group = [&](const std::string& host) {
    return r.config.partitionGroup.groupOf(Member{{1, 1}, {host, 5711}, false});
  };
  CHECK(group("10.0.0.15") == "group-1");
  CHECK(group("10.0.0.17") == "group-2");
  CHECK(group("10.0.1.200") == "group-2");
  CHECK(!group("10.0.2.1").has_value());
  const Read hosts = read("<hazelcast><partition-group enabled=\"true\" group-type=\"HOST_AWARE\"/>"
                          "</hazelcast>");
  CHECK(hosts.config.partitionGroup.groupOf(Member{{1, 1}, {"10.0.0.1", 1}, false}) == "10.0.0.1");
  const Read off = read("<hazelcast><partition-group enabled=\"false\" group-type=\"HOST_AWARE\"/>"
                        "</hazelcast>");
  CHECK(off.config.partitionGroup.kind == PartitionGroups::Kind::kPerMember);
}
