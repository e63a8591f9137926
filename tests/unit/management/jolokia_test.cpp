#include "management/jolokia.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "management/object_name.h"
#include "management/prometheus.h"
#include "test_log.h"

using namespace ox::management;
using nlohmann::json;

namespace {

MBean bean(const std::string& name, Attributes attributes) {
  return {name, [attributes] { return attributes; }};
}

struct Fixture {
  ManagementRegistry registry;
  std::vector<Registration> held;
  Fixture() {
    held.push_back(registry.addMBean(bean("com.hazelcast:type=IMap,instance=i,name=sessions-7",
                                          {{"localHits", "42"}, {"config", "MapConfig{x}"}})));
    held.push_back(registry.addMBean(
        bean("com.hazelcast:type=ITopic,instance=i,name=a/b", {{"n", "007"}})));
    held.push_back(registry.addMBean(bean("java.lang:type=Memory", {{"Heap", "1.5"}, {"Ok", "true"}})));
  }
  json get(const std::string& path) { return json::parse(jolokiaGet(registry, path)); }
  json post(const json& body) { return json::parse(jolokiaPost(registry, body.dump())); }
};

}  // namespace

TEST_CASE("object names match whatever the order of their keys, and patterns match as in JMX") {
  const auto name = ObjectName::parse("com.hazelcast:type=IMap,instance=i,name=s").value();
  const auto matches = [&](const char* pattern) { return ObjectName::parse(pattern)->matches(name); };
  CHECK(matches("com.hazelcast:name=s,type=IMap,instance=i"));
  CHECK(matches("com.hazelcast:type=IMap,*"));
  CHECK(matches("com.h*:type=IMap,instance=*,name=?"));
  CHECK(matches("*:*"));
  CHECK_FALSE(matches("com.hazelcast:type=IMap"));
  CHECK_FALSE(matches("com.hazelcast:type=IMap,instance=*,name=*,more=*"));
  CHECK_FALSE(matches("com.hazelcast:type=ITopic,*"));
  CHECK(ObjectName::parse("d:name=\"a,b=c\",t=x")->keys.at("name") == "\"a,b=c\"");
  for (const char* bad : {"", "nocolon", "d:", "d:x", "d:=y", "d:x=", "d:x=1,x=2", "d:x=1,", "d:x=\"1",
                          "d:x=\"1\\"})
    CHECK_FALSE(ObjectName::parse(bad).has_value());
}

TEST_CASE("read: one attribute, several, all, and values keep their kind") {
  Fixture f;
  auto answer = f.get("/read/java.lang%3Atype%3DMemory/Heap");
  CHECK(answer["status"] == 200);
  CHECK(answer["value"] == 1.5);
  CHECK(answer["request"]["attribute"] == "Heap");
  CHECK(f.get("/read/java.lang:type=Memory/Heap,Ok")["value"] == json({{"Heap", 1.5}, {"Ok", true}}));
  CHECK(f.post({{"type", "read"}, {"mbean", "java.lang:type=Memory"}})["value"]["Ok"] == true);
  CHECK(f.post({{"type", "read"}, {"mbean", "java.lang:type=Memory"}, {"attribute", {"Ok"}}})["value"] ==
        json({{"Ok", true}}));
  CHECK(f.get("/read/com.hazelcast:type=ITopic,instance=i,name=a!/b/n")["value"] == "007");
}

TEST_CASE("read by pattern, search and list") {
  Fixture f;
  const auto read = f.get("/read/com.hazelcast:type=*,*/localHits");
  CHECK(read["value"] == json({{"com.hazelcast:type=IMap,instance=i,name=sessions-7", {{"localHits", 42}}}}));
  CHECK(f.get("/search/com.hazelcast:*")["value"].size() == 2);
  CHECK(f.get("/search/nothing:*")["value"] == json::array());
  const auto listed = f.get("/list/java.lang/type=Memory/attr/Heap");
  CHECK(listed["value"]["type"] == "double");
  CHECK(f.get("/list")["value"].contains("com.hazelcast"));
  CHECK(f.get("/list/nothing")["status"] == 404);
  CHECK(f.get("")["value"]["protocol"] == "7.2");
  CHECK(f.get("/version")["value"]["info"]["product"] == "open-xchange");
}

TEST_CASE("mistakes are named, in the body") {
  Fixture f;
  CHECK(f.get("/read/java.lang:type=Nope")["error_type"] == "javax.management.InstanceNotFoundException");
  CHECK(f.get("/read/x:y=*")["status"] == 404);
  CHECK(f.get("/read/java.lang:type=Memory/Nope")["error_type"] ==
        "javax.management.AttributeNotFoundException");
  CHECK(f.get("/read/java.lang")["error_type"] == "javax.management.MalformedObjectNameException");
  CHECK(f.get("/exec/java.lang:type=Memory/gc")["status"] == 403);
  CHECK(f.get("/foo")["status"] == 400);
  CHECK(f.get("/read/%zz")["status"] == 400);
  CHECK(f.get("/read/%00")["status"] == 400);
  CHECK(json::parse(jolokiaPost(f.registry, "{nonsense"))["status"] == 400);
  CHECK(json::parse(jolokiaPost(f.registry, std::string(100000, '[')))["status"] == 400);
}

TEST_CASE("bulk requests answer one by one and are bounded") {
  Fixture f;
  const auto answers = f.post(json::array({{{"type", "version"}}, 5, {{"type", "search"}, {"mbean", "*:*"}}}));
  CHECK(answers.size() == 3);
  CHECK(answers[1]["status"] == 400);
  CHECK(answers[2]["value"].size() == 3);
  CHECK(f.post(json::array_t(kMaxBulk + 1, json::object()))["status"] == 400);
}

TEST_CASE("path pieces: escapes of the protocol") {
  CHECK(splitEscaped("/read/a!/b!!c!\"/x") == std::vector<std::string>{"read", "a/b!c\"", "x"});
  CHECK(percentDecoded("a%2fb%3D").value() == "a/b=");
  CHECK_FALSE(percentDecoded("%2").has_value());
}

TEST_CASE("metrics: families with type and escaped labels, bad names left out") {
  const auto text = prometheusText({{"ox_a", "help of a", false, {{"map", "x\"y"}}, 3},
                                    {"ox_a", "help of a", false, {{"map", "z"}}, 4},
                                    {"ox_b_total", "b", true, {}, 1},
                                    {"bad name", "", false, {}, 1}});
  CHECK(text.find("# TYPE ox_a gauge") != std::string::npos);
  CHECK(text.find("ox_a{map=\"x\\\"y\"} 3") != std::string::npos);
  CHECK(text.find("# TYPE ox_b_total counter") != std::string::npos);
  CHECK(text.find("bad name") == std::string::npos);
}
