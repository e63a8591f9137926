// login, logout, whoami, ping against services in memory: answers, cookies, codes.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "answers.h"
#include "base/clock.h"
#include "base/log.h"
#include "cookie_names.h"
#include "service.h"
#include "servlets.h"
#include "../test_log.h"

using namespace ox;
using namespace ox::login;
using http::Request;
using http::Response;
using Json = nlohmann::json;

namespace {

class FakeContexts final : public services::ContextService {
 public:
  Result<std::int32_t> resolve(const std::string& name) override {
    if (name.find("@nowhere") != std::string::npos) return Error(Code::kCtxNoMapping);
    return 1;
  }
  Result<std::shared_ptr<const services::Context>> usable(std::int32_t id) override {
    if (failure != Code::kInternal) return Error(failure);
    auto c = std::make_shared<services::Context>();
    c->id = id;
    return std::shared_ptr<const services::Context>(c);
  }
  Result<services::User> authenticate(std::int32_t id, const std::string& name,
                                      const std::string& password) override {
    if (name != "anton" || password != "right") return Error(Code::kLgiInvalid);
    return user(id, 3);
  }
  Result<services::User> user(std::int32_t contextId, std::int32_t userId) override {
    services::User u;
    u.contextId = contextId;
    u.id = userId;
    u.loginName = "anton";
    u.language = "de_DE";
    return u;
  }
  bool usableAtOnce(std::int32_t) override { return atOnce && failure == Code::kInternal; }
  Status stillValid(const services::User&, const std::string& password) override {
    CHECK(password == "right");
    return changed == Code::kInternal ? Status() : Status(Error(changed));
  }
  Code changed = Code::kInternal;  // kInternal = nothing happened since authenticate()
  Code failure = Code::kInternal;  // kInternal = usable
  bool atOnce = true;
};

LoginSettings settings() {
  LoginSettings s;
  s.hashSalt = "salt";
  return s;
}

struct House {
  explicit House(LoginSettings s = settings())
      : sessions(std::make_shared<sessiond::SessiondService>(sessiond::SessiondSettings(),
                                                             systemClock(), nullptr)),
        contexts(std::make_shared<FakeContexts>()), servlets(s, "OX1", sessions, contexts) {}

  std::shared_ptr<sessiond::SessiondService> sessions;
  std::shared_ptr<FakeContexts> contexts;
  Servlets servlets;
};

Request request(const std::string& action) {
  Request r;
  r.method = "POST";
  r.headers = {{"user-agent", "test agent"}};
  r.parameters = {{"action", action}};
  r.queryParameters = 1;
  r.remoteAddress = "127.0.0.1";
  return r;
}
Request loginRequest(const std::string& password = "right", const std::string& name = "anton") {
  Request r = request("login");
  r.parameters.insert(r.parameters.end(),
                      {{"name", name}, {"password", password}, {"client", "web"}});
  return r;
}
// A request with the cookies that an answer has set.
Request with(const Response& login, const std::string& action) {
  Request r = request(action);
  r.parameters.emplace_back("session", Json::parse(login.body).value("session", ""));
  for (const auto& c : login.cookies) r.cookies.emplace_back(c.name, c.value);
  return r;
}
std::string codeOf(const Response& response) {
  return Json::parse(response.body).value("code", "");
}

}  // namespace

TEST_CASE("a login answers the session and sets the cookies of the original") {
  House house;
  const Response response = house.servlets.handleLogin(loginRequest());
  CHECK(response.status == 200);
  const Json json = Json::parse(response.body);
  CHECK(json["session"].get<std::string>().size() == 32);
  CHECK(json["user"] == "anton");
  CHECK(json["user_id"] == 3);
  CHECK(json["context_id"] == 1);
  CHECK(json["locale"] == "de_DE");
  REQUIRE(response.cookies.size() == 3);
  CHECK(response.cookies[0].name.starts_with("open-xchange-secret-"));
  CHECK(response.cookies[1].name.starts_with("open-xchange-session-"));
  CHECK(response.cookies[2].name.starts_with("open-xchange-public-session-"));
  CHECK(response.cookies[1].value == json["session"]);
  for (const auto& c : response.cookies) {
    CHECK(c.httpOnly);
    CHECK_FALSE(c.secure);
    CHECK(c.maxAgeSeconds == -1);
  }
  CHECK(response.body.find(response.cookies[0].value) == std::string::npos);
}

TEST_CASE("who stays signed in keeps the cookies; HTTPS makes them secure") {
  House house;
  Request r = loginRequest();
  r.secure = true;
  r.parameters.emplace_back("staySignedIn", "true");
  for (const auto& c : house.servlets.handleLogin(r).cookies) {
    CHECK(c.secure);
    CHECK(c.maxAgeSeconds == 604'800);
  }
}

TEST_CASE("whoami and ping tell the node") {
  House house;
  const Response login = house.servlets.handleLogin(loginRequest());
  const Response who = house.servlets.handleSystem(with(login, "whoami"));
  CHECK(who.status == 200);
  const Json data = Json::parse(who.body)["data"];
  CHECK(data["user"] == "anton");
  CHECK(data["node"] == "OX1");
  CHECK(data["takenOver"] == false);
  CHECK(data["context_id"] == 1);
  const Json ping = Json::parse(house.servlets.handleSystem(request("ping")).body);
  CHECK(ping["data"]["pong"] == true);
  CHECK(ping["data"]["node"] == "OX1");
}

TEST_CASE("wrong password, wrong user and unknown context look the same") {
  House house;
  const Response a = house.servlets.handleLogin(loginRequest("wrong"));
  const Response b = house.servlets.handleLogin(loginRequest("right", "berta"));
  const Response c = house.servlets.handleLogin(loginRequest("right", "anton@nowhere"));
  for (const Response& r : {a, b, c}) {
    CHECK(r.status == 200);
    const Json json = Json::parse(r.body);
    CHECK(json["code"] == "LGI-0006");
    CHECK(json["categories"] == "USER_INPUT");
    CHECK(json["category"] == 1);
    CHECK(json["error_params"].is_array());
    CHECK(json["error"] == Json::parse(a.body)["error"]);
    CHECK_FALSE(json["error_id"].get<std::string>().empty());
    CHECK(r.cookies.empty());
  }
  CHECK(house.servlets.figures().refused.at("LGI-0006") == 3);
}

TEST_CASE("a password that is changed while a login looks at it leaves no session") {
  House house;
  for (const auto& [code, name] : {std::pair(Code::kLgiInvalid, "LGI-0006"),
                                   std::pair(Code::kLgiUserDisabled, "LGI-0014")}) {
    house.contexts->changed = code;
    const Response refused = house.servlets.handleLogin(loginRequest());
    CHECK(codeOf(refused) == name);
    CHECK(refused.cookies.empty());
  }
  auto left = house.sessions->sessionsOf(1, 3);
  REQUIRE(left);
  CHECK(left->empty());
}

TEST_CASE("missing and oversized parameters, a password in the URL, unknown actions") {
  House house;
  CHECK(codeOf(house.servlets.handleLogin(loginRequest(""))) == "LGI-0001");
  CHECK(codeOf(house.servlets.handleLogin(request("login"))) == "LGI-0001");
  CHECK(codeOf(house.servlets.handleLogin(loginRequest(std::string(5000, 'x')))) == "SVL-0010");
  Request inUrl = loginRequest();
  inUrl.queryParameters = inUrl.parameters.size();
  const Response refused = house.servlets.handleLogin(inUrl);
  CHECK(refused.status == 400);
  CHECK(codeOf(refused) == "SVL-0010");
  const Response unknown = house.servlets.handleLogin(request("rampup"));
  CHECK(unknown.status == 400);
  CHECK(codeOf(unknown) == "SVL-0001");
  CHECK(codeOf(house.servlets.handleSystem(Request())) == "SVL-0002");
  CHECK(house.sessions->counts().active == 0);
}

TEST_CASE("requests of a session: missing parameter, unknown session, no and wrong secret") {
  House house;
  const Response login = house.servlets.handleLogin(loginRequest());
  Request missing = with(login, "whoami");
  missing.parameters.pop_back();
  CHECK(codeOf(house.servlets.handleSystem(missing)) == "SES-0201");
  Request unknown = with(login, "whoami");
  unknown.parameters.back().second = std::string(32, 'a');
  const Response r = house.servlets.handleSystem(unknown);
  CHECK(r.status == 200);
  CHECK(codeOf(r) == "SES-0203");
  CHECK(Json::parse(r.body)["category"] == 4);
  Request noSecret = with(login, "whoami");
  noSecret.cookies.erase(noSecret.cookies.begin());
  CHECK(codeOf(house.servlets.handleSystem(noSecret)) == "SES-0203");
  Request wrong = with(login, "whoami");
  wrong.cookies[0].second = std::string(32, 'b');
  CHECK(codeOf(house.servlets.handleSystem(wrong)) == "SES-0203");
  Request otherBrowser = with(login, "whoami");
  otherBrowser.headers = {{"user-agent", "other"}};
  CHECK(codeOf(house.servlets.handleSystem(otherBrowser)) == "SES-0203");
  CHECK(house.servlets.guardCounters().wrongSecret == 1);
  CHECK(house.servlets.guardCounters().noSecret == 2);
  CHECK(house.servlets.guardCounters().unknown == 1);
  CHECK(codeOf(house.servlets.handleSystem(with(login, "whoami"))) == "");
}

TEST_CASE("a remembered hash lets the browser change its name") {
  LoginSettings s = settings();
  s.rememberHash = true;
  House house(s);
  const Response login = house.servlets.handleLogin(loginRequest());
  Request later = with(login, "whoami");
  later.headers = {{"user-agent", "updated"}};
  CHECK(codeOf(house.servlets.handleSystem(later)) == "");
}

TEST_CASE("a context that is updated or disabled is refused at login and at every request") {
  House house;
  const Response login = house.servlets.handleLogin(loginRequest());
  house.contexts->failure = Code::kCtxUpdating;
  CHECK(codeOf(house.servlets.handleLogin(loginRequest())) == "CTX-0007");
  CHECK(codeOf(house.servlets.handleSystem(with(login, "whoami"))) == "CTX-0007");
  house.contexts->failure = Code::kLgiContextDisabled;
  CHECK(codeOf(house.servlets.handleLogin(loginRequest())) == "LGI-0015");
  CHECK(codeOf(house.servlets.handleSystem(with(login, "whoami"))) == "SES-0204");
  house.contexts->failure = Code::kInternal;
  CHECK(codeOf(house.servlets.handleSystem(with(login, "whoami"))) == "");
}

TEST_CASE("logout: 400, 403, then the session and its cookies are gone") {
  House house;
  const Response login = house.servlets.handleLogin(loginRequest());
  CHECK(house.servlets.handleLogin(request("logout")).status == 400);
  Request wrong = with(login, "logout");
  wrong.cookies.clear();
  CHECK(house.servlets.handleLogin(wrong).status == 403);
  const Response out = house.servlets.handleLogin(with(login, "logout"));
  CHECK(out.status == 200);
  REQUIRE(out.cookies.size() == 4);
  for (const auto& c : out.cookies) CHECK(c.maxAgeSeconds == 0);
  CHECK(out.cookies[3].name == "JSESSIONID");
  CHECK(codeOf(house.servlets.handleSystem(with(login, "whoami"))) == "SES-0203");
  CHECK(house.servlets.handleLogin(with(login, "logout")).status == 403);
}

TEST_CASE("no password, secret or session id reaches the log") {
  std::string all;
  const auto former = log::setObserver([&](log::Level, std::string_view t) { all += t; });
  House house;
  const Response login = house.servlets.handleLogin(loginRequest("right"));
  house.servlets.handleLogin(loginRequest("wr0ngpass"));
  Request wrong = with(login, "whoami");
  wrong.cookies[0].second = std::string(32, 'e');
  house.servlets.handleSystem(wrong);
  house.servlets.handleLogin(with(login, "logout"));
  log::setObserver(former);
  CHECK_FALSE(all.empty());
  for (const auto& c : login.cookies) CHECK(all.find(c.value) == std::string::npos);
  CHECK(all.find("right") == std::string::npos);
  CHECK(all.find("wr0ngpass") == std::string::npos);
  CHECK(all.find(std::string(32, 'e')) == std::string::npos);
}

TEST_CASE("internal errors show their meaning only and have a status a balancer understands") {
  const Response r = errorAnswer(Error(Code::kDbNoConnection, "mysql at 10.1.2.3 refused anton"));
  CHECK(r.status == 503);
  CHECK(r.body.find("10.1.2.3") == std::string::npos);
  CHECK(errorAnswer(Error(Code::kUnavailable)).status == 503);
  CHECK(errorAnswer(Error(Code::kInternal)).status == 500);
}

TEST_CASE("hashes differ by browser, client, salt and further headers") {
  LoginSettings s = settings();
  Request r = request("x");
  const std::string base = sessionHash(r, "web", s);
  CHECK(base.size() == 32);
  CHECK(base == sessionHash(r, "web", s));
  CHECK(base != sessionHash(r, "mobile", s));
  s.hashFields = {"x-tenant"};
  r.headers.emplace_back("x-tenant", "a");
  CHECK(base != sessionHash(r, "web", s));
  s = settings();
  s.hashSalt = "other";
  CHECK(base != sessionHash(r, "web", s));
  CHECK(agentHash(r, s) != agentHash(Request(), s));
}

TEST_CASE("whoami at once is the same answer, and only when nothing is to be asked or refused") {
  House house;
  const Response login = house.servlets.handleLogin(loginRequest());
  const Request good = with(login, "whoami");
  Response quick;
  REQUIRE(house.servlets.systemAtOnce(good, quick));
  CHECK(quick.body == house.servlets.handleSystem(good).body);
  CHECK(Json::parse(quick.body)["data"]["takenOver"] == false);

  const auto left = [&](const Request& r) { return !house.servlets.systemAtOnce(r, quick); };
  CHECK(left(request("whoami")));
  CHECK(left(with(login, "ping")));
  Request r = good;
  r.parameters.back().second[0] ^= 1;
  CHECK(left(r));
  r = good;
  r.cookies.clear();
  CHECK(left(r));
  r = good;
  for (auto& [name, value] : r.cookies) value[0] ^= 1;
  CHECK(left(r));
  r = good;
  r.remoteAddress = "192.0.2.9";
  CHECK(left(r));
  r = good;
  r.headers[0].second = "another agent";
  CHECK(left(r));
  house.contexts->atOnce = false;
  CHECK(left(good));
  house.contexts->atOnce = true;
  house.contexts->failure = Code::kCtxUpdating;
  CHECK(left(good));
  house.contexts->failure = Code::kInternal;
  CHECK_FALSE(left(good));
  house.servlets.handleLogin(with(login, "logout"));
  CHECK(left(good));
}

TEST_CASE("texts that JSON has to escape are escaped, others go out as they are") {
  CHECK(jsonAnswer({{"a", std::string("plain text")}, {"n", std::int64_t{-7}}, {"b", true}}, true)
            .body == R"({"data":{"a":"plain text","n":-7,"b":true}})");
  const std::string odd = "quote \" back \\ line\n \x01 \xc3\xa4 \x7f";
  CHECK(Json::parse(jsonAnswer({{"odd", odd}}, false).body)["odd"] == odd);
  CHECK(Json::parse(jsonAnswer({{"bytes", std::string("\xff")}}, false).body)["bytes"] == "\xef\xbf\xbd");
  CHECK(jsonAnswer({}, false).body == "{}");
}
