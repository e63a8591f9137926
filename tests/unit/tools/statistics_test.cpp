#include "statistics.h"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

using namespace ox::tool;
using nlohmann::json;

namespace {

// Answers by pattern; everything else is empty.
BeanReader reader(std::map<std::string, json> answers) {
  return [answers](const std::string& pattern) -> ox::Result<json> {
    const auto found = answers.find(pattern);
    return found == answers.end() ? json::object() : found->second;
  };
}

}  // namespace

TEST_CASE("-c: instance with its configuration in five parts, members, maps with local values only") {
  const auto text = clusterText(reader({
      {"com.hazelcast:type=HazelcastInstance,*",
       {{"com.hazelcast:type=HazelcastInstance,instance=i",
         {{"config", "Config{groupConfig=GroupConfig [name=ox], properties={a=b}, interfaces=[10.0.0.*], "
                     "tcpIpConfig=TcpIpConfig [members=[a, b]]}"},
          {"running", true}}}}},
      {"com.hazelcast:type=Member,*",
       {{"com.hazelcast:type=Member,name=m1", {{"address", "127.0.0.1:5701"}}}}},
      {"com.hazelcast:type=IMap,instance=*,name=*",
       {{"com.hazelcast:type=IMap,instance=i,name=s",
         {{"config", "MapConfig{}"}, {"localHits", 3}, {"name", "s"}}}}},
  }));
  REQUIRE(text.ok());
  CHECK(text.value() ==
        "com.hazelcast:type=HazelcastInstance,instance=i,groupConfig = name=ox\n"
        "com.hazelcast:type=HazelcastInstance,instance=i,properties = a=b\n"
        "com.hazelcast:type=HazelcastInstance,instance=i,interfaces = 10.0.0.*\n"
        "com.hazelcast:type=HazelcastInstance,instance=i,tcpIpConfig = members=[a, b]\n"
        "com.hazelcast:type=HazelcastInstance,instance=i,running = true\n"
        "com.hazelcast:type=Member,name=m1,address = 127.0.0.1:5701\n"
        "com.hazelcast:type=IMap,instance=i,name=s,config = MapConfig{}\n"
        "com.hazelcast:type=IMap,instance=i,name=s,localHits = 3\n");
}

TEST_CASE("-c without a grid says so in brackets; an unreadable node is an error") {
  CHECK(clusterText(reader({})).value().starts_with("[Hazelcast MBeans not available"));
  const auto failed = clusterText([](const std::string&) -> ox::Result<json> {
    return ox::Error(ox::Code::kAdmConnect);
  });
  CHECK_FALSE(failed.ok());
}

TEST_CASE("other options: lines per attribute, null left out, brackets when there is no bean") {
  const StatisticsSection section{"-i", "--i", "h", {"d:*"}, false};
  CHECK(sectionText(section, reader({{"d:*", {{"d:type=T", {{"a", 1}, {"b", nullptr}}}}}})).value() ==
        "d:type=T,a = 1\n");
  CHECK(sectionText(section, reader({})).value() == "[this node has no MBean d:*]\n");
}

TEST_CASE("bracket content keeps nesting and wants the whole name") {
  CHECK(bracketContent("x{properties={a={b}}}", "properties") == "a={b}");
  CHECK(bracketContent("myproperties={a}, properties=[c]", "properties") == "c");
  CHECK(bracketContent("properties=none, other={a}", "properties").empty());
  CHECK(bracketContent("properties={unclosed", "properties").empty());
}
