// The ways in beside login: cookies, forms, one-time tokens, another machine, applications; the
// address check, the limits of logins, guests.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "../sessions/fake_grid.h"
#include "address_check.h"
#include "cookie_names.h"
#include "login_house.h"
#include "rate_limit.h"
#include "../test_log.h"

using namespace ox;
using namespace ox::login;
using namespace ox::login::house;

TEST_CASE("autologin comes back by the cookies of a user who stays signed in, and only then") {
  House house;
  const Response stays = house.servlets.handleLogin(credentials("login", {{"staySignedIn", "true"}}));
  Request again = request("autologin", {{"client", "web"}});
  keep(again, stays);
  const Response back = house.servlets.handleLogin(again);
  CHECK(back.status == 200);
  CHECK(Json::parse(back.body)["session"] == Json::parse(stays.body)["session"]);
  CHECK(Json::parse(back.body)["user"] == "anton");
  REQUIRE(back.cookies.size() == 3);
  CHECK(back.cookies[0].maxAgeSeconds == 604'800);

  Request byPublicCookie = request("autologin", {{"client", "web"}});
  for (const auto& c : again.cookies)
    if (c.first.find("session-") == std::string::npos || c.first.find("public") != std::string::npos)
      byPublicCookie.cookies.push_back(c);
  REQUIRE(byPublicCookie.cookies.size() == 2);
  CHECK(house.servlets.handleLogin(byPublicCookie).status == 200);
  CHECK(codeOf(house.servlets.handleLogin(byPublicCookie)) == "");

  Request noSecret = again;
  noSecret.cookies.erase(noSecret.cookies.begin());
  CHECK(codeOf(house.servlets.handleLogin(noSecret)) == "SES-0203");
  CHECK(codeOf(house.servlets.handleLogin(request("autologin"))) == "SES-0203");

  const Response leaves = house.servlets.handleLogin(credentials("login"));
  Request ended = request("autologin", {{"client", "web"}});
  keep(ended, leaves);
  CHECK(codeOf(house.servlets.handleLogin(ended)) == "SES-0203");
  LoginSettings s = plain();
  s.autologin = true;
  House friendly(s);
  const Response any = friendly.servlets.handleLogin(credentials("login"));
  Request welcome = request("autologin", {{"client", "web"}});
  keep(welcome, any);
  CHECK(codeOf(friendly.servlets.handleLogin(welcome)) == "");
}

TEST_CASE("formlogin leads into the user interface of this site, never to another one") {
  House house;
  const Response r = house.servlets.handleLogin(credentials("formlogin"));
  CHECK(r.status == 302);
  CHECK(r.cookies.size() == 3);
  CHECK(location(r).starts_with("/appsuite/#session="));
  CHECK(part(location(r), "user") == "anton");
  CHECK(part(location(r), "user_id") == "3");
  CHECK(part(location(r), "language") == "de_DE");
  CHECK(location(r).find(r.cookies[0].value) == std::string::npos);
  const auto to = [&](const std::string& path) {
    return location(house.servlets.handleLogin(credentials("formlogin", {{"uiWebPath", path}})));
  };
  CHECK(to("/own/ui").starts_with("/own/ui#session="));
  for (const char* bad : {"http://evil.example/", "//evil.example/", "/\\evil.example", "evil",
                          "/a b", "/x\r\nSet-Cookie: a=b", "/a;jsessionid=1", "/a#b"})
    CHECK_MESSAGE(to(bad).starts_with("/appsuite/#session="), bad);
  Request wrong = credentials("formlogin");
  wrong.parameters[2].second = "wrong";
  CHECK(codeOf(house.servlets.handleLogin(wrong)) == "LGI-0006");
}

TEST_CASE("a random token is used once, by the browser that the session was made for") {
  House house;
  const auto token = [](House& h, std::vector<std::pair<std::string, std::string>> more = {}) {
    return Json::parse(h.servlets.handleLogin(credentials("login", std::move(more))).body)
        .value("random", std::string());
  };
  const std::string first = token(house);
  REQUIRE(first.size() == 32);
  Request redeem = request("redeem", {{"random", first}});
  const Response r = house.servlets.handleLogin(redeem);
  CHECK(r.status == 200);
  CHECK(Json::parse(house.servlets.handleSystem(of(r, "whoami")).body)["data"]["user"] == "anton");
  CHECK(house.servlets.handleLogin(redeem).status == 403);

  // Another browser, another address, another client: not theirs, and used up.
  for (int what = 0; what < 2; ++what) {
    const std::string t = token(house);
    Request foreign = request("redeem", {{"random", t}});
    if (what == 0) foreign.headers = {{"user-agent", "another"}};
    else foreign.remoteAddress = "10.0.0.2";
    CHECK(house.servlets.handleLogin(foreign).status == 403);
    CHECK(house.servlets.handleLogin(request("redeem", {{"random", t}})).status == 403);
  }
  // A server that logs in for a browser says who that is.
  Request browser = request("redirect", {{"random", token(house, {{"clientIP", "192.0.2.9"},
                                                                  {"clientUserAgent", "browser"}})}});
  browser.remoteAddress = "192.0.2.9";
  browser.headers = {{"user-agent", "browser"}};
  const Response go = house.servlets.handleLogin(browser);
  CHECK(go.status == 302);
  CHECK(part(location(go), "session").size() == 32);
  CHECK(go.cookies.size() == 3);
  CHECK(codeOf(house.servlets.handleLogin(credentials("login", {{"clientIP", "x"}}))) == "SVL-0010");

  CHECK(house.servlets.handleLogin(request("redirect")).status == 400);
  CHECK(house.servlets.handleLogin(request("redirect", {{"random", "x"}})).status == 403);
  const std::string old = token(house);
  house.clock.millis += 30'001;
  CHECK(house.servlets.handleLogin(request("redeem", {{"random", old}})).status == 403);
  const std::string unused = token(house);
  house.contexts->failure = Code::kLgiContextDisabled;
  CHECK(house.servlets.handleLogin(request("redeem", {{"random", unused}})).status == 403);

  house.contexts->failure = Code::kInternal;
  const std::string locked = token(house);
  house.contexts->disabled = 3;
  CHECK(house.servlets.handleLogin(request("redeem", {{"random", locked}})).status == 403);
  CHECK(house.servlets.figures().refused.at("LGI-0014") == 1);

  LoginSettings s = plain();
  s.insecure = true;
  House open(s);
  Request moved = request("redeem", {{"random", token(open)}, {"client", "mobile"}});
  moved.remoteAddress = "10.0.0.2";
  moved.headers = {{"user-agent", "another"}};
  const Response there = open.servlets.handleLogin(moved);
  CHECK(there.status == 200);
  Request who = of(there, "whoami");
  who.remoteAddress = "10.0.0.2";
  who.headers = moved.headers;
  CHECK(codeOf(open.servlets.handleSystem(who)) == "");
  s.changeIpAllowed = false;
  House strict(s);
  Request elsewhere = request("redeem", {{"random", token(strict)}});
  elsewhere.remoteAddress = "10.0.0.2";
  CHECK(strict.servlets.handleLogin(elsewhere).status == 403);
  s.randomToken = false;
  House off(s);
  CHECK(token(off).empty());
  CHECK(off.servlets.handleLogin(request("redeem", {{"random", "x"}})).status == 400);
  s.randomToken = true;
  s.randomTokenMillis = 0;
  House never(s);
  CHECK(token(never).empty());
}

TEST_CASE("token login: the path and the fragment carry the route, both tokens make the session") {
  House house;
  const Response first = house.servlets.handleLogin(credentials("tokenLogin", {{"clientToken", "c1"}}));
  CHECK(first.status == 302);
  CHECK(first.cookies.empty());
  CHECK(location(first).starts_with("/appsuite/;jsessionid=77.OX1#"));
  CHECK(part(location(first), "jsessionid") == "77.OX1");
  CHECK(part(location(first), "user_id") == "3");
  CHECK(part(location(first), "user").empty());
  const std::string token = part(location(first), "serverToken");
  REQUIRE(token.size() == 32);

  Request browser = request("tokens", {{"clientToken", "c1"}, {"serverToken", token}});
  browser.remoteAddress = "192.0.2.9";
  browser.headers = {{"user-agent", "browser"}};
  const Response second = house.servlets.handleLogin(browser);
  CHECK(Json::parse(second.body)["user"] == "anton");
  Request who = of(second, "whoami");
  who.remoteAddress = "192.0.2.9";
  who.headers = browser.headers;
  CHECK(house.servlets.handleSystem(who).status == 200);
  CHECK(codeOf(house.servlets.handleSystem(who)) == "");
  CHECK(codeOf(house.servlets.handleLogin(browser)) == "SES-0210");  // used up

  const auto json = Json::parse(house.servlets.handleLogin(credentials(
      "tokenLogin", {{"clientToken", "c2"}, {"jsonResponse", "true"}})).body);
  CHECK(json["jsessionid"] == "77.OX1");
  CHECK(json["url"] == "/appsuite/;jsessionid=77.OX1");
  const std::string other = json["serverToken"];
  CHECK(codeOf(house.servlets.handleLogin(
            request("tokens", {{"clientToken", "wrong"}, {"serverToken", other}}))) == "SES-0211");
  CHECK(codeOf(house.servlets.handleLogin(
            request("tokens", {{"clientToken", "c2"}, {"serverToken", other}}))) == "SES-0210");
  CHECK(house.sessions->counts().active == 1);  // the session of the wrong one is gone
  CHECK(codeOf(house.servlets.handleLogin(credentials("tokenLogin"))) == "SVL-0002");
}

TEST_CASE("a token login that nobody finishes ends after a minute, its session too") {
  House house;
  const Response first = house.servlets.handleLogin(credentials("tokenLogin", {{"clientToken", "c"}}));
  CHECK(house.sessions->counts().active == 1);
  house.clock.millis += kServerTokenMillis + 1;
  CHECK(codeOf(house.servlets.handleLogin(request("tokens", {
            {"clientToken", "c"}, {"serverToken", part(location(first), "serverToken")}}))) ==
        "SES-0210");
  CHECK(house.sessions->counts().active == 0);
  CHECK(house.servlets.figures().tokensExpired == 1);
}

TEST_CASE("tokens in the grid: one node makes them, any node takes them, once") {
  TestClock clock;
  const auto map = std::make_shared<test::FakeMap>("serverTokenMap");
  TokenStore one(map, 60'000, clock);
  TokenStore two(map, 60'000, clock);
  const auto token = one.add("value one");
  REQUIRE(token.ok());
  CHECK(*two.take(*token) == std::optional<std::string>("value one"));
  CHECK_FALSE(two.take(*token)->has_value());
  CHECK_FALSE(one.take(*token)->has_value());
  const auto late = one.add("late");
  const auto lost = one.add("lost");
  const auto used = one.add("used");
  CHECK(two.take(*used)->has_value());
  clock.millis += 60'001;
  CHECK_FALSE(two.take(*late)->has_value());
  CHECK(one.expired() == std::vector<std::string>{"lost"});
  CHECK(one.expired().empty());
  CHECK_FALSE(one.take("not a token")->has_value());
}

TEST_CASE("an application gets a session of its own for token and secret") {
  House house;
  const Response login = house.servlets.handleLogin(credentials("login"));
  const auto token = [&] {
    return Json::parse(house.servlets.handleToken(of(login, "acquireToken")).body)["data"]["token"]
        .get<std::string>();
  };
  const auto redeem = [&](const std::string& t, const std::string& secret) {
    return house.servlets.handleLogin(
        request("redeemToken", {{"token", t}, {"client", "app"}, {"secret", secret}}));
  };
  const std::string first = token();
  CHECK(redeem(first, "unknown").status == 403);
  const Response app = redeem(first, "app-secret");
  CHECK(Json::parse(app.body)["session"] != Json::parse(login.body)["session"]);
  CHECK_FALSE(Json::parse(app.body).contains("password"));
  CHECK(codeOf(redeem(first, "app-secret")) == "SES-0210");
  CHECK(Json::parse(redeem(token(), "mail-secret").body)["password"] == "right");
  CHECK(codeOf(house.servlets.handleToken(request("acquireToken"))) == "SES-0201");
  const std::string old = token();
  house.clock.millis += 300'001;
  CHECK(codeOf(redeem(old, "app-secret")) == "SES-0210");
}

TEST_CASE("another address ends a session, unless mask, client or configuration allow it") {
  LoginSettings s = plain();
  services::Session session;
  session.localIp = "10.1.2.3";
  session.client = "web";
  CHECK(checkAddress(s, session, "10.1.2.3") == AddressVerdict::kSame);
  CHECK(checkAddress(s, session, "::ffff:10.1.2.3") == AddressVerdict::kSame);
  CHECK(checkAddress(s, session, "10.1.2.4") == AddressVerdict::kRefused);
  s.maskV4 = 24;
  CHECK(checkAddress(s, session, "10.1.2.4") == AddressVerdict::kMoved);
  CHECK(checkAddress(s, session, "10.1.3.4") == AddressVerdict::kRefused);
  CHECK(checkAddress(s, session, "fd00::1") == AddressVerdict::kRefused);
  s.ipWhitelist = {"web"};
  CHECK(checkAddress(s, session, "fd00::1") == AddressVerdict::kMoved);
  s.ipWhitelist = {};
  s.ipCheck = false;
  CHECK(checkAddress(s, session, "fd00::1") == AddressVerdict::kSame);

  LoginSettings near = plain();
  near.maskV4 = 24;
  House house(near);
  const Response login = house.servlets.handleLogin(credentials("login"));
  Request who = of(login, "whoami");
  who.remoteAddress = "10.0.0.200";
  CHECK(codeOf(house.servlets.handleSystem(who)) == "");
  who.remoteAddress = "10.0.1.1";
  CHECK(codeOf(house.servlets.handleSystem(who)) == "SES-0203");
  CHECK(house.servlets.guardCounters().address == 1);
  CHECK(house.sessions->find(Json::parse(login.body)["session"], nullptr).value()->localIp == "10.0.0.200");

  // The machine in between says that the user moves.
  CHECK(house.servlets.handleLogin(of(login, "changeip", {{"clientIP", "10.9.9.9"}})).body ==
        "{\"data\":\"1\"}");
  who.remoteAddress = "10.9.9.9";
  CHECK(codeOf(house.servlets.handleSystem(who)) == "");
  CHECK(codeOf(house.servlets.handleLogin(of(login, "changeip", {{"clientIP", "x"}}))) == "SVL-0010");
  Request stranger = of(login, "changeip", {{"clientIP", "6.6.6.6"}});
  stranger.cookies.clear();
  CHECK(codeOf(house.servlets.handleLogin(stranger)) == "SES-0203");
}

TEST_CASE("failed logins of one address and logins of one name are limited, with 429") {
  LoginSettings s = plain();
  s.rate.failures = 3;
  House house(s);
  Request wrong = credentials("login");
  wrong.parameters[2].second = "wrong";
  for (int i = 0; i < 3; ++i) CHECK(house.servlets.handleLogin(wrong).status == 200);
  const Response limited = house.servlets.handleLogin(credentials("login"));
  CHECK(limited.status == 429);
  CHECK(limited.headers.front().first == "Retry-After");
  CHECK(limited.headers.front().second == "300");
  Request elsewhere = credentials("login");
  elsewhere.remoteAddress = "10.0.0.7";
  CHECK(house.servlets.handleLogin(elsewhere).status == 200);
  house.clock.millis += 300'000;
  CHECK(house.servlets.handleLogin(credentials("login")).status == 200);

  s.rate.perName = 2;
  House named(s);
  for (int i = 0; i < 2; ++i) CHECK(named.servlets.handleLogin(credentials("login")).status == 200);
  CHECK(named.servlets.handleLogin(credentials("login")).status == 429);
  s.rate.perName = 0;
  s.httpOnly = false;
  named.servlets.reload(s);
  const Response unlimited = named.servlets.handleLogin(credentials("login"));
  CHECK(unlimited.status == 200);
  REQUIRE(unlimited.cookies.size() == 3);
  CHECK_FALSE(unlimited.cookies[0].httpOnly);
}

TEST_CASE("the limit forgets what began longest ago when it knows too many") {
  TestClock clock;
  RateLimit limit(clock);
  limit.configure(1, 1'000'000);
  limit.count("first");
  CHECK(limit.waitMillis("first") > 0);
  for (std::size_t i = 0; i < RateLimit::kMaxKeys; ++i) limit.count(std::to_string(i));
  CHECK(limit.waitMillis("first") == 0);
  CHECK(limit.waitMillis("99999") > 0);
}

TEST_CASE("guests: a limit and cookies of their own, several in one browser") {
  sessiond::SessiondSettings limits;
  limits.maxSessionPerGuest = 1;
  House house(plain(), limits);
  Request guest = credentials("login");
  guest.parameters[1].second = "guest";
  const Response g = house.servlets.handleLogin(guest);
  const Response u = house.servlets.handleLogin(credentials("login"));
  REQUIRE(g.cookies.size() == 3);
  CHECK(g.cookies[0].name != u.cookies[0].name);
  CHECK(g.cookies[2].name == u.cookies[2].name);
  CHECK(codeOf(house.servlets.handleSystem(of(g, "whoami"))) == "");
  CHECK(codeOf(house.servlets.handleSystem(of(u, "whoami"))) == "");
  CHECK(codeOf(house.servlets.handleLogin(guest)) == "SES-0007");
  CHECK(house.servlets.handleLogin(credentials("login")).status == 200);
  const Response bye = house.servlets.handleLogin(of(g, "logout"));
  CHECK(bye.cookies[0].name == g.cookies[0].name);
  CHECK(bye.cookies[0].maxAgeSeconds == 0);
}

TEST_CASE("refreshSecret gives the cookies their whole life again; store does nothing and says so") {
  House house;
  const Response login = house.servlets.handleLogin(credentials("login", {{"staySignedIn", "true"}}));
  const Response fresh = house.servlets.handleLogin(of(login, "refreshSecret"));
  REQUIRE(fresh.cookies.size() == 3);
  CHECK(fresh.cookies[0].value == login.cookies[0].value);
  CHECK(fresh.cookies[0].maxAgeSeconds == 604'800);
  Request without = of(login, "refreshSecret");
  without.cookies.clear();
  CHECK(codeOf(house.servlets.handleLogin(without)) == "SES-0203");
  const Response store = house.servlets.handleLogin(request("store"));
  CHECK(store.status == 200);
  CHECK(store.headers.front().first == "Deprecation");
}
