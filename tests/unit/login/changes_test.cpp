// Logins that meet a change of their user, tokens on several nodes, and what the keys of login.properties do.
#include <doctest/doctest.h>

#include "../sessions/fake_cluster.h"
#include "../test_log.h"
#include "cookie_names.h"
#include "login_house.h"
#include "outside_text.h"

using namespace ox;
using namespace ox::login;
using namespace ox::login::house;
using Node = ox::test::SessionCluster::Node;

namespace {

std::unique_ptr<House> houseAt(Node& node, LoginSettings s = plain(), const TokenMaps& maps = nullptr) {
  return std::make_unique<House>(
      std::move(s), std::shared_ptr<sessiond::SessiondService>(&node.service, [](auto*) {}), maps);
}
services::CloseRequest userThree() {
  services::CloseRequest out;
  out.users = {{1, 3}};
  return out;
}
std::string base64(const std::string& text) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(i + k > text.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63]);
  }
  return out;
}

}  // namespace

TEST_CASE("a login with the former password has no session once the password was changed") {
  ox::test::SessionCluster cluster;
  Node one(cluster, "one"), two(cluster, "two");
  const auto house = houseAt(one);
  // The other node changes the password and closes the sessions of the user while this one has looked at
  // the former hash already.
  house->contexts->afterAuthenticate = [&] {
    house->contexts->current = "new";
    REQUIRE(two.service.close(userThree()).ok());
  };
  CHECK(codeOf(house->servlets.handleLogin(credentials("login"))) == "LGI-0006");
  CHECK(one.service.counts().active == 0);
  CHECK(cluster.maps.sessions->values.empty());
  CHECK(house->servlets.figures().logins == 0);

  // The same when the change comes just before the second look.
  house->contexts->current = "right";
  house->contexts->afterAuthenticate = nullptr;
  house->contexts->beforeSecondLook = [&] {
    house->contexts->disabled = 3;
    REQUIRE(two.service.close(userThree()).ok());
  };
  CHECK(codeOf(house->servlets.handleLogin(credentials("login"))) == "LGI-0006");
  CHECK(one.service.counts().active == 0);
  CHECK(cluster.maps.sessions->values.empty());
  house->contexts->disabled = 0;
  house->contexts->beforeSecondLook = nullptr;
  CHECK(codeOf(house->servlets.handleLogin(credentials("login"))) == "");

  // A guest whose link gets a password meanwhile.
  house->contexts->beforeSecondLook = [&] { house->contexts->guests[12] = true; };
  Request link = request("");
  link.method = "GET";
  link.path = "/ajax/share/" + services::shareTokenText({1, 12, kBaseToken});
  CHECK(house->servlets.handleShare(link).status != 302);
  CHECK(one.service.counts().active == 1);
}

TEST_CASE("an application gets no session of a user whose sessions are being closed") {
  ox::test::SessionCluster cluster;
  Node one(cluster, "one"), two(cluster, "two");
  const auto house = houseAt(one);
  const Response login = house->servlets.handleLogin(credentials("login"));
  const std::string token =
      Json::parse(house->servlets.handleToken(of(login, "acquireToken")).body)["data"]["token"];
  // This node has not heard of the closing yet.
  cluster.wire.deaf = {"one"};
  REQUIRE(two.service.close(userThree()).ok());
  REQUIRE(one.service.counts().active == 1);
  CHECK(codeOf(house->servlets.handleLogin(
            request("redeemToken", {{"token", token}, {"client", "app"}, {"secret", "app-secret"}}))) ==
        "SES-0203");
  CHECK(cluster.maps.sessions->values.empty());
}

TEST_CASE("a random token is good once at any node, also when its own node is gone") {
  ox::test::SessionCluster cluster;
  const auto map = std::make_shared<ox::test::FakeMap>("randomTokenMap");
  const TokenMaps maps = [&](const std::string& name) {
    CHECK(name == kRandomTokenMap);
    return map;
  };
  Node two(cluster, "two");
  const auto there = houseAt(two, plain(), maps);
  std::string token, other;
  {
    Node one(cluster, "one");
    const auto here = houseAt(one, plain(), maps);
    token = Json::parse(here->servlets.handleLogin(credentials("login")).body)["random"];
    other = Json::parse(here->servlets.handleLogin(credentials("login")).body)["random"];
    CHECK(there->servlets.handleLogin(request("redeem", {{"random", other}})).status == 200);
    CHECK(here->servlets.handleLogin(request("redeem", {{"random", other}})).status == 403);
    // Its map does not answer: no token, and the login is as good as any.
    ox::test::ExpectErrors quiet;
    map->failures = 1;
    const auto without = Json::parse(here->servlets.handleLogin(credentials("login")).body);
    CHECK_FALSE(without.contains("random"));
    CHECK(without.contains("session"));
  }
  map->failures = 1;
  CHECK(there->servlets.handleLogin(request("redeem", {{"random", token}})).status == 503);
  CHECK(there->servlets.handleLogin(request("redeem", {{"random", token}})).status == 200);
  CHECK(there->servlets.handleLogin(request("redeem", {{"random", token}})).status == 403);
  CHECK(map->values.empty());
}

TEST_CASE("an authentication id belongs to one session of the cluster: SES-0008") {
  ox::test::SessionCluster cluster;
  Node one(cluster, "one"), two(cluster, "two");
  const auto here = houseAt(one), there = houseAt(two);
  const auto at = [](House& h, const std::string& id, const char* transient = "false") {
    return codeOf(h.servlets.handleLogin(
        credentials("login", {{"authId", id}, {"transient", transient}})));
  };
  CHECK(at(*here, "a1") == "");
  CHECK(at(*here, "a1") == "SES-0008");
  CHECK(at(*there, "a1") == "SES-0008");
  CHECK(at(*there, "a2") == "");
  CHECK(at(*here, "a3", "true") == "");
  CHECK(at(*here, "a3") == "SES-0008");
  CHECK(at(*here, "") == "");
  CHECK(at(*here, "") == "");
  CHECK(at(*here, std::string(257, 'a')) == "SVL-0010");
}

TEST_CASE("login/httpAuth: the browser asks for name and password, and goes into the interface") {
  LoginSettings s = plain();
  House house(s);
  const auto ask = [](House& h, const std::string& header, const Response* before = nullptr) {
    Request r = request("");
    r.method = "GET";
    r.path = "/ajax/login/httpAuth";
    r.parameters.clear();
    r.queryParameters = 0;
    if (!header.empty()) r.headers.emplace_back("authorization", header);
    if (before) keep(r, *before);
    return h.servlets.handleLogin(r);
  };
  const auto challenged = [](const Response& r) {
    return r.status == 401 && std::any_of(r.headers.begin(), r.headers.end(), [](const auto& h) {
             return h.first == "WWW-Authenticate" && h.second.starts_with("Basic ");
           });
  };
  CHECK(challenged(ask(house, "")));
  CHECK(challenged(ask(house, "Bearer x")));
  CHECK(challenged(ask(house, "Basic " + base64("anton:wrong"))));
  CHECK(challenged(ask(house, "Basic " + base64("anton:"))));
  const Response in = ask(house, "basic " + base64("anton:right"));
  CHECK(in.status == 302);
  CHECK(part(location(in), "user") == "anton");
  REQUIRE(in.cookies.size() == 3);
  CHECK(in.cookies[0].maxAgeSeconds == -1);
  CHECK(challenged(ask(house, "", &in)));  // not configured

  s.httpAuthAutologin = true;
  House comes(s);
  const Response first = ask(comes, "Basic " + base64("anton:right"));
  CHECK(first.cookies[0].maxAgeSeconds == 604'800);
  const Response back = ask(comes, "", &first);
  CHECK(back.status == 302);
  CHECK(part(location(back), "session") == part(location(first), "session"));
  CHECK(comes.sessions->find(part(location(first), "session"), nullptr).value()->client ==
        "open-xchange-appsuite");
  CHECK(comes.sessions->counts().active == 1);
}

TEST_CASE("users whose context belongs to another server are sent there") {
  LoginSettings s = plain();
  s.migrationUrl = "https://other.example/ui?x=1";
  House house(s);
  house.contexts->failure = Code::kCtxOtherServer;
  const Response r = house.servlets.handleLogin(credentials("login"));
  CHECK(r.status == 200);
  const Json json = Json::parse(r.body);
  CHECK(json["code"] == "LGI-0016");
  CHECK(json["error"] == s.migrationUrl);
  CHECK(json["error_params"] == Json::array({s.migrationUrl}));
  CHECK(location(house.servlets.handleLogin(credentials("formlogin"))) == s.migrationUrl);
  House unset;
  unset.contexts->failure = Code::kCtxOtherServer;
  CHECK(codeOf(unset.servlets.handleLogin(credentials("login"))) == "CTX-0012");
  CHECK(location(unset.servlets.handleLogin(credentials("formlogin"))).empty());
}

TEST_CASE("a name with its domain in ASCII is tried in its own letters, when that is wanted") {
  LoginSettings s = plain();
  const auto with = [](House& h, const char* name) {
    Request r = credentials("login");
    r.parameters[1].second = name;
    return codeOf(h.servlets.handleLogin(r));
  };
  House off(s);
  CHECK(with(off, "anton@xn--mller-kva.de") == "LGI-0006");
  s.punyCode = true;
  House on(s);
  CHECK(with(on, "anton@xn--mller-kva.de") == "");
  CHECK(on.contexts->tried ==
        std::vector<std::string>{"anton@xn--mller-kva.de", "anton@m\xc3\xbcller.de"});
  CHECK(with(on, "anton@xn--.de") == "LGI-0006");
  CHECK_FALSE(nativeDomain("anton@example.org"));
  CHECK_FALSE(nativeDomain("anton@xn--" + std::string(600, 'a')));
}

TEST_CASE("the line in the log has the configured form and never a session") {
  LineFacts f;
  f.login = "anton\nroot";
  f.address = "10.0.0.1";
  f.agent = "agent";
  f.client = "web";
  f.contextId = 1;
  f.userId = 3;
  CHECK(logLine("$login $ip $auth $agent $client $c $u $s", f) ==
        "Login:anton?root IP:10.0.0.1 AuthID:- Agent:agent Client:web Context:1 User:3 Session:-");
  CHECK(logLine("bye $u of $c!", f) == "bye User:3 of Context:1!");
  CHECK(logLine("", f).empty());
  CHECK(logLine("100 $", f) == "100 $");
}

TEST_CASE("credentials of HTTP Basic: what is none is nothing") {
  const auto good = basicCredentials("Basic " + base64("a:b:c"));
  REQUIRE(good);
  CHECK(good->first == "a");
  CHECK(good->second == "b:c");
  for (const std::string& bad :
       {std::string(), std::string("Basic"), std::string("Basic "), std::string("Basic !!!!"),
        std::string("Basic YQ="), "Basic " + base64("nocolon"), "Basic " + base64("\xff\xfe:x"),
        "Basic " + base64(std::string("a\0b:x", 5)), "Digest " + base64("a:b"),
        "Basic " + std::string(kMaxBasicBytes, 'A')})
    CHECK_FALSE_MESSAGE(basicCredentials(bad), bad);
}
