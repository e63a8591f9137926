// The servlet `session`: attributes by action=get|set, on two nodes with maps in memory.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../sessions/fake_cluster.h"
#include "cookie_names.h"
#include "session_servlet.h"

using namespace ox;
using namespace ox::login;
using Json = nlohmann::json;
using Parameters = std::vector<std::pair<std::string, std::string>>;

namespace {

class AnyContext final : public services::ContextService {
 public:
  Result<std::int32_t> resolve(const std::string&) override { return 1; }
  Result<std::shared_ptr<const services::Context>> usable(std::int32_t) override {
    return std::make_shared<const services::Context>();
  }
  Result<services::User> authenticate(std::int32_t, const std::string&,
                                      const std::string&) override {
    return services::User();
  }
  Result<services::User> user(std::int32_t, std::int32_t) override { return services::User(); }
};

struct Node {
  Node(test::SessionCluster& cluster, const std::string& name) : node(cluster, name) {}
  test::SessionCluster::Node node;
  // The service lives as long as the node; the servlet shares it without owning it.
  std::shared_ptr<sessiond::SessiondService> service{&node.service, [](auto*) {}};
  SessionServlet servlet{LoginSettings(), service, service, std::make_shared<AnyContext>()};

  Json ask(const services::Session& s, const std::string& action, Parameters more,
           bool cookie = true) {
    http::Request r;
    r.method = "POST";
    r.parameters = {{"action", action}, {"session", s.sessionId}};
    r.parameters.insert(r.parameters.end(), more.begin(), more.end());
    if (cookie)
      r.cookies = {{secretCookie(sessionHash(r, s.client, LoginSettings())), s.secret}};
    return Json::parse(servlet.handle(r).body);
  }
};

}  // namespace

TEST_CASE("what one node writes the other reads, each attribute by itself") {
  test::SessionCluster c;
  Node one(c, "1"), two(c, "2");
  const auto s = *one.service->create(test::login());
  const Json first = one.ask(*s, "set", {{"name", "a"}, {"value", "gr\xc3\xbc\xc3\x9f"}});
  CHECK(first["data"]["applied"] == true);
  const auto version = first["data"]["version"].get<std::int64_t>();
  CHECK(two.ask(*s, "set", {{"name", "b"}, {"value", ""}})["data"]["applied"] == true);
  const Json all = two.ask(*s, "get", {})["data"]["attributes"];
  REQUIRE(all.size() == 2);
  CHECK(all[0]["name"] == "a");
  CHECK(all[0]["value"] == "gr\xc3\xbc\xc3\x9f");
  CHECK(all[0]["version"] == version);
  CHECK(one.ask(*s, "get", {{"name", "b"}})["data"]["attributes"].size() == 1);
  CHECK(one.ask(*s, "get", {{"name", "c"}})["data"]["attributes"].empty());

  const Json late = two.ask(*s, "set", {{"name", "a"}, {"value", "x"}, {"version", "1"}});
  CHECK(late["data"]["applied"] == false);
  CHECK(late["data"]["version"] == version);
  CHECK(two.ask(*s, "set", {{"name", "a"}, {"value", "x"},
                            {"version", std::to_string(version)}})["data"]["applied"] == true);
  CHECK(one.ask(*s, "set", {{"name", "a"}, {"remove", "true"}})["data"]["applied"] == true);
  CHECK(two.ask(*s, "get", {})["data"]["attributes"].size() == 1);
}

TEST_CASE("session and secret are needed, parameters are checked") {
  test::SessionCluster c;
  Node node(c, "1");
  const auto s = *node.service->create(test::login());
  CHECK(node.ask(*s, "get", {}, false)["code"] == "SES-0203");
  CHECK(node.ask(*s, "drop", {}).contains("error"));
  const auto refused = [&](Parameters p) {
    return node.ask(*s, "set", std::move(p)).contains("error");
  };
  CHECK(refused({{"name", "a"}}));
  CHECK(refused({{"value", "v"}}));
  CHECK(refused({{"name", "a b"}, {"value", "v"}}));
  CHECK(refused({{"name", "a"}, {"value", "\xff\xfe"}}));
  CHECK(refused({{"name", "a"}, {"value", "v"}, {"version", "-1"}}));
  CHECK(refused({{"name", "a"}, {"value", std::string(70'000, 'v')}}));
  CHECK(node.ask(*s, "get", {{"name", "../x"}}).contains("error"));
  CHECK(node.servlet.counters().refused == 7);
}
