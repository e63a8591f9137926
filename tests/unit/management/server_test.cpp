#include "management/server.h"

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <Poco/Net/HTTPBasicCredentials.h>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "database/password.h"
#include "test_log.h"

using namespace ox;
using namespace ox::management;
using nlohmann::json;

namespace {

struct Answer {
  int status = 0;
  std::string body;
  json parsed() const { return json::parse(body, nullptr, false); }
};

struct Ask {
  std::string method = "GET";
  std::string path;
  std::string body;
  std::string user;
  std::string password;
  std::string host;
  std::string origin;
  std::string contentType = "application/json";
};

Answer ask(std::uint16_t port, const Ask& what) {
  Poco::Net::HTTPClientSession session("127.0.0.1", port);
  Poco::Net::HTTPRequest request(what.method, what.path, "HTTP/1.1");
  if (what.method == "POST") {
    request.setContentType(what.contentType);
    request.setContentLength64(static_cast<Poco::Int64>(what.body.size()));
  }
  if (!what.host.empty()) request.setHost(what.host);
  if (!what.origin.empty()) request.set("Origin", what.origin);
  if (!what.user.empty())
    Poco::Net::HTTPBasicCredentials(what.user, what.password).authenticate(request);
  session.sendRequest(request) << what.body;
  Poco::Net::HTTPResponse response;
  std::istream& in = session.receiveResponse(response);
  Answer answer;
  answer.status = response.getStatus();
  answer.body.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  return answer;
}

struct Fixture {
  std::shared_ptr<ManagementRegistry> registry = std::make_shared<ManagementRegistry>();
  std::vector<Registration> held;
  std::unique_ptr<ManagementServer> server;

  explicit Fixture(ManagementSettings settings = {}) {
    settings.jmxPort = 0;
    settings.rmiPort = 0;
    if (!settings.masterCheck)
      settings.masterCheck = [](const std::string& user, const std::string& password) {
        return user == "oxadminmaster" && password == "secret";
      };
    held.push_back(registry->addOperation("T/echo", Access::kMaster, [](const json& in, const Caller& who) {
      return Result<json>(json{{"in", in}, {"user", who.user}, {"password", who.password}});
    }));
    held.push_back(registry->addOperation("T/context", Access::kContext, [](const json&, const Caller& who) {
      return Result<json>(json{{"master", who.master}, {"password", who.password}});
    }));
    held.push_back(registry->addOperation("T/open", Access::kOpen, [](const json& in, const Caller&) {
      if (in.contains("fail")) return Result<json>(Error(Code::kCtxUpdating, "later"));
      return Result<json>(in.at("must"));
    }));
    server = std::make_unique<ManagementServer>(registry, std::move(settings));
    REQUIRE(server->start().ok());
  }
  Answer get(const std::string& path) { return ask(server->jmxPort(), {.path = path}); }
  Answer call(const std::string& operation, const std::string& body, const std::string& user = {},
              const std::string& password = {}) {
    return ask(server->rmiPort(), {.method = "POST", .path = "/rmi/" + operation, .body = body,
                                   .user = user, .password = password});
  }
};

constexpr const char* kEmpty = R"({"arguments":{}})";

}  // namespace

TEST_CASE("operations need the master password; results and errors in their form") {
  Fixture f;
  const auto fine = f.call("T/echo", R"({"arguments":{"a":1}})", "oxadminmaster", "secret");
  CHECK(fine.status == 200);
  CHECK(fine.parsed()["result"]["in"]["a"] == 1);
  CHECK(fine.parsed()["result"]["password"] == "");  // never passed on to a master operation
  const auto wrong = f.call("T/echo", kEmpty, "oxadminmaster", "guess");
  CHECK(wrong.status == 401);
  CHECK(wrong.parsed()["error"]["code"] == "ADM-0101");
  CHECK(f.call("T/echo", kEmpty).status == 401);
  CHECK(f.server->counters().refusedCredentials == 2);
  CHECK(f.call("T/open", R"({"arguments":{"fail":1}})").parsed()["error"]["code"] == "CTX-0007");
  CHECK(f.call("T/open", kEmpty).parsed()["error"]["code"] == "ADM-0103");  // handler missed a field
  CHECK(f.call("T/none", kEmpty).status == 404);
  CHECK(f.call("T/open", "nonsense").status == 400);
}

TEST_CASE("a context administrator's credentials reach the handler") {
  Fixture f;
  const auto answer = f.call("T/context", kEmpty, "admin7", "pw").parsed()["result"];
  CHECK(answer == json({{"master", false}, {"password", "pw"}}));
  CHECK(f.call("T/context", kEmpty, "oxadminmaster", "secret").parsed()["result"]["master"] == true);
}

TEST_CASE("master authentication can be disabled by its key") {
  ManagementSettings settings;
  settings.masterAuthenticationDisabled = true;
  Fixture f(settings);
  CHECK(f.call("T/echo", kEmpty).status == 200);
}

TEST_CASE("a web page cannot drive the ports: Host, Origin, Content-Type, method") {
  Fixture f;
  const auto port = f.server->rmiPort();
  CHECK(ask(port, {.method = "POST", .path = "/rmi/T/open", .body = kEmpty, .host = "evil.example"}).status == 403);
  CHECK(ask(port, {.method = "POST", .path = "/rmi/T/open", .body = kEmpty, .origin = "http://evil.example"})
            .status == 403);
  CHECK(ask(port, {.method = "POST", .path = "/rmi/T/open", .body = kEmpty, .origin = "null"}).status == 403);
  CHECK(ask(port, {.method = "POST", .path = "/rmi/T/open", .body = R"({"arguments":{"must":1}})",
                   .host = "LOCALHOST:1", .origin = "http://[::1]:80"}).status == 200);
  CHECK(ask(port, {.method = "POST", .path = "/rmi/T/open", .body = kEmpty, .contentType = "text/plain"})
            .status == 415);
  CHECK(ask(port, {.path = "/rmi/T/open"}).status == 405);
  CHECK(ask(port, {.method = "DELETE", .path = "/rmi/T/open"}).status == 405);
  CHECK(f.server->counters().refusedOrigin == 3);
}

TEST_CASE("a body above the limit is refused and counted") {
  Fixture f;
  CHECK(f.call("T/open", std::string(kMaxBodyBytes + 1, 'x')).status == 413);
  CHECK(f.server->counters().tooLarge == 1);
}

TEST_CASE("the JMX port: jolokia, metrics, health, and its login") {
  ManagementSettings settings;
  settings.jmxLogin = "jmx";
  settings.jmxPassword = "jmxpw";
  Fixture f(settings);
  f.held.push_back(f.registry->addMBean({"d:type=T", [] { return Attributes{{"a", "1"}}; }}));
  f.held.push_back(f.registry->addMetrics(
      [](std::vector<MetricSample>& out) { out.push_back({"ox_m", "m", false, {}, 7}); }));
  bool ready = false;
  f.held.push_back(f.registry->addReadiness("grid", [&ready](std::string& why) {
    why = "not joined";
    return ready;
  }));
  const auto port = f.server->jmxPort();
  CHECK(f.get("/live").status == 200);
  CHECK(f.get("/ready").status == 503);
  CHECK(f.get("/ready").parsed()["missing"][0] == "grid: not joined");
  ready = true;
  CHECK(f.get("/ready").status == 200);
  CHECK(f.get("/safe").status == 200);
  CHECK(f.get("/metrics").status == 401);
  CHECK(f.get("/jolokia/version").status == 401);
  CHECK(ask(port, {.path = "/jolokia/version", .user = "jmx", .password = "jmxpx"}).status == 401);
  CHECK(ask(port, {.path = "/jolokia/read/d:type=T/a?x=1", .user = "jmx", .password = "jmxpw"})
            .parsed()["value"] == 1);
  CHECK(ask(port, {.path = "/monitoring/jolokia", .user = "jmx", .password = "jmxpw"}).status == 200);
  CHECK(ask(port, {.path = "/metrics", .user = "jmx", .password = "jmxpw"}).body.find("ox_m 7") !=
        std::string::npos);
  CHECK(ask(port, {.method = "POST", .path = "/jolokia", .body = R"({"type":"version"})", .user = "jmx",
                   .password = "jmxpw"}).parsed()["status"] == 200);
  CHECK(f.get("/other").status == 404);
}

TEST_CASE("a taken port is one clear error") {
  Fixture f;
  ManagementSettings settings;
  settings.jmxPort = f.server->jmxPort();
  settings.rmiPort = 0;
  ManagementServer second(f.registry, settings);
  const auto status = second.start();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Code::kNetBind);
  CHECK(status.error().message.find("JMXPort in management.properties") != std::string::npos);
}

TEST_CASE("dropping a registration waits for its running call, then the thing is gone") {
  Fixture f;
  std::atomic<bool> inside{false};
  std::atomic<bool> release{false};
  std::atomic<bool> finished{false};
  auto handle = f.registry->addOperation("T/slow", Access::kOpen, [&](const json&, const Caller&) {
    inside = true;
    while (!release) std::this_thread::yield();
    finished = true;
    return Result<json>(json(1));
  });
  std::thread caller([&] { f.call("T/slow", kEmpty); });
  while (!inside) std::this_thread::yield();
  std::thread opener([&] { release = true; });
  handle.reset();
  CHECK(finished);
  caller.join();
  opener.join();
  CHECK(f.call("T/slow", kEmpty).status == 404);
}

TEST_CASE("a throwing bean does not hide the others; it is counted") {
  ManagementRegistry registry;
  auto bad = registry.addMBeans([]() -> std::vector<MBean> { throw std::runtime_error("x"); });
  auto good = registry.addMBean({"d:type=T", [] { return Attributes{}; }});
  int seen = 0;
  registry.forEachBean([&](const MBean&) { ++seen; });
  CHECK(seen == 1);
  CHECK(registry.failedCallbacks() == 1);
}

TEST_CASE("mpasswd: right, wrong, unknown, missing file; a new file counts at once") {
  char name[] = "/tmp/ox-mpasswd-XXXXXX";
  close(mkstemp(name));
  const auto check = mpasswdCheck(name);
  CHECK_FALSE(mpasswdUsable(name).ok());
  CHECK_FALSE(check("oxadminmaster", "pw"));
  std::ofstream(name) << db::mpasswdLine({"oxadminmaster", db::makePassword("pw").value()}) << "\n";
  CHECK(mpasswdUsable(name).ok());
  CHECK(check("oxadminmaster", "pw"));
  CHECK_FALSE(check("oxadminmaster", "pW"));
  CHECK_FALSE(check("nobody", "pw"));
  std::remove(name);
  CHECK_FALSE(check("oxadminmaster", "pw"));
  CHECK(mpasswdUsable(name).error().message.find("generatempasswd") != std::string::npos);
}
