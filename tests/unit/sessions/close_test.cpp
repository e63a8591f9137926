// Closing by REST and by the tool's operation: bodies, codes, credentials.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "close_sessions.h"
#include "fake_cluster.h"

using namespace ox;
using namespace ox::sessiond;
using Json = nlohmann::json;
using test::login;
using test::SessionCluster;

namespace {
struct Rest {
  SessionCluster cluster;
  SessionCluster::Node one{cluster, "1"}, two{cluster, "2"};
  std::shared_ptr<SessiondService> service{&one.service, [](auto*) {}};
  CloseSessions closing{"admin", "secret", service};

  http::Response post(const std::string& kind, const std::string& body,
                      const std::string& global = {}) {
    http::Request r;
    r.method = "POST";
    r.path = "/admin/v1/close-sessions/" + kind;
    r.headers = {{"authorization", "Basic YWRtaW46c2VjcmV0"}};
    r.body = body;
    if (!global.empty()) r.parameters = {{"global", global}};
    return closing.handle(r);
  }
};
}  // namespace

TEST_CASE("by id, context and user, in the cluster or on this node") {
  Rest rest;
  const auto a = *rest.one.service.create(login(3));
  REQUIRE(rest.two.service.create(login(3)).ok());
  REQUIRE(rest.two.service.create(login(4)).ok());
  auto answer = rest.post("by-id", Json{{"sessionIds", {a->sessionId}}}.dump());
  CHECK(answer.status == 200);
  CHECK(Json::parse(answer.body)["closed"] == 1);
  answer = rest.post("by-user", R"({"users":[{"contextId":1,"userId":3}]})", "false");
  CHECK(Json::parse(answer.body)["closed"] == 0);
  answer = rest.post("by-user", R"({"users":[{"contextId":1,"userId":3}]})");
  CHECK(Json::parse(answer.body)["closed"] == 1);
  answer = rest.post("by-context", R"({"contextIds":[1,2]})");
  CHECK(Json::parse(answer.body)["closed"] == 1);
  CHECK(rest.two.service.counts().active == 0);
  const auto told = rest.closing.operation({{"contextIds", {1}}, {"global", true}});
  REQUIRE(told.ok());
  CHECK((*told)["closed"] == 0);
  CHECK_FALSE(rest.closing.operation({{"global", true}}).ok());
  CHECK_FALSE(rest.closing.operation(Json::array()).ok());
}

TEST_CASE("empty, malformed and foreign bodies are 400, other methods and paths are refused") {
  Rest rest;
  for (const char* body :
       {"", "{", "[]", "{}", R"({"sessionIds":[]})", R"({"sessionIds":"x"})",
        R"({"sessionIds":["x"]})", R"({"contextIds":[1]})",
        R"({"sessionIds":[1]})"})
    CHECK(rest.post("by-id", body).status == 400);
  for (const char* body : {R"({"contextIds":["1"]})", R"({"contextIds":[0]})",
                           R"({"contextIds":[99999999999]})"})
    CHECK(rest.post("by-context", body).status == 400);
  for (const char* body : {R"({"users":[1]})", R"({"users":[{"contextId":1}]})"})
    CHECK(rest.post("by-user", body).status == 400);
  CHECK(rest.post("by-context", R"({"contextIds":[1]})", "maybe").status == 400);
  CHECK(rest.post("by-moon", "{}").status == 404);
  http::Request get;
  get.method = "GET";
  get.path = "/admin/v1/close-sessions/by-id";
  CHECK(rest.closing.handle(get).status == 401);
  get.headers = {{"authorization", "Basic YWRtaW46c2VjcmV0"}};
  CHECK(rest.closing.handle(get).status == 405);
  get.headers = {{"authorization", "Basic YWRtaW46c2VjcmV1"}};
  CHECK(rest.closing.handle(get).status == 401);
  CHECK(CloseSessions("", "", rest.service).handle(get).status == 403);
  CHECK_FALSE(basicAuthorized("Basic Og==", "", ""));
}

TEST_CASE("what the grid does not take is 500, and is tried again") {
  Rest rest;
  const auto s = *rest.two.service.create(login(3));
  rest.cluster.maps.endings->failures = -1;
  CHECK(rest.post("by-id", Json{{"sessionIds", {s->sessionId}}}.dump()).status == 500);
  rest.cluster.maps.endings->failures = 0;
  rest.one.clock.advance(kRetryMostMillis);
  rest.one.service.tick();
  CHECK(rest.one.service.figures().pendingEndings == 0);
  CHECK(rest.two.service.counts().active == 0);
}
