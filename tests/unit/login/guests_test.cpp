// Guests: the share link, with and without a password; their limits; transient sessions.
#include <doctest/doctest.h>

#include "../sessions/fake_cluster.h"
#include "cookie_names.h"
#include "login_house.h"

using namespace ox;
using namespace ox::login;
using namespace ox::login::house;

namespace {

std::string link(std::int32_t user, std::int32_t context = 1) {
  return services::shareTokenText({context, user, kBaseToken});
}
Request get(const std::string& path) {
  Request r = request("");
  r.method = "GET";
  r.path = path;
  r.parameters.clear();
  r.queryParameters = 0;
  return r;
}
Request follow(std::int32_t user) { return get("/ajax/share/" + link(user) + "/151eab38"); }
std::string sessionOf(const Response& r) { return part(location(r), "session"); }

}  // namespace

TEST_CASE("share tokens: the original's form, and nothing else") {
  // context 1, user 4: 00000001 ^ 01234560 and so on
  const std::string text = services::shareTokenText({1, 4, "01234567 89abcdef0123456789abcdef"});
  CHECK(text.empty());
  const services::ShareToken token{7, 4711, kBaseToken};
  const std::string made = services::shareTokenText(token);
  CHECK(made == "00123451" + std::string("0789b9aa") + kBaseToken);
  const auto read = services::parseShareToken(made);
  REQUIRE(read);
  CHECK(read->contextId == 7);
  CHECK(read->userId == 4711);
  CHECK(read->baseToken == kBaseToken);
  std::string upper = made;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  CHECK(services::parseShareToken(upper)->userId == 4711);
  for (const std::string& bad : {made + "0", made.substr(1), std::string(48, 'g'), std::string(),
                                 services::shareTokenText({-1, 3, kBaseToken})})
    CHECK_FALSE_MESSAGE(services::parseShareToken(bad), bad);
}

TEST_CASE("who follows a link without a password is in, and stays in that session") {
  House house;
  const Response first = house.servlets.handleShare(follow(12));
  CHECK(first.status == 302);
  CHECK(location(first).starts_with("/appsuite/#session="));
  CHECK(part(location(first), "user_id") == "12");
  REQUIRE(first.cookies.size() == 4);
  CHECK(first.cookies[3].name.starts_with("open-xchange-share-"));
  CHECK(first.cookies[3].value == link(12));
  Request who = request("whoami", {{"session", sessionOf(first)}});
  keep(who, first);
  CHECK(Json::parse(house.servlets.handleSystem(who).body)["data"]["user_id"] == 12);

  Request again = follow(12);
  keep(again, first);
  CHECK(sessionOf(house.servlets.handleShare(again)) == sessionOf(first));
  CHECK(sessionOf(house.servlets.handleShare(follow(12))) != sessionOf(first));  // another browser
  again.path = follow(10).path;
  const Response invited = house.servlets.handleShare(again);
  CHECK(part(location(invited), "user_id") == "10");  // another link, another guest
  CHECK(house.sessions->counts().active == 3);

  Request out = request("logout", {{"session", sessionOf(first)}});
  keep(out, first);
  const Response gone = house.servlets.handleLogin(out);
  CHECK(gone.status == 200);
  CHECK(std::count_if(gone.cookies.begin(), gone.cookies.end(), [](const auto& c) {
          return c.name.starts_with("open-xchange-share-") && c.maxAgeSeconds == 0;
        }) == 1);
}

TEST_CASE("autologin finds the guest first while the browser has the cookie of the link") {
  LoginSettings s = plain();
  s.autologin = true;
  House house(s);
  const Response user = house.servlets.handleLogin(
      credentials("login"));
  Request visit = follow(12);
  keep(visit, user);
  const Response guest = house.servlets.handleShare(visit);
  Request back = request("autologin");
  keep(back, guest);
  keep(back, user);
  CHECK(Json::parse(house.servlets.handleLogin(back).body)["user_id"] == 12);
  std::erase_if(back.cookies, [](const auto& c) { return c.first.find("-share-") != c.first.npos; });
  back.parameters.emplace_back("client", "web");
  CHECK(Json::parse(house.servlets.handleLogin(back).body)["user_id"] == 3);
  Request forged = request("autologin");
  forged.cookies = {{shareCookie(agentHash(forged, s)), std::string(48, 'f')}};
  CHECK(codeOf(house.servlets.handleLogin(forged)) == "SES-0203");
}

TEST_CASE("a link with a password leads to the login that asks for it") {
  House house;
  const Response pin = house.servlets.handleShare(follow(11));
  CHECK(pin.status == 302);
  CHECK(location(pin) == "/appsuite/#login_type=anonymous&share=" + link(11));
  CHECK(pin.cookies.empty());
  CHECK(location(house.servlets.handleShare(follow(9))) ==
        "/appsuite/#login_type=guest&share=" + link(9) + "&login_name=guest%40x.example");
  CHECK(house.sessions->counts().active == 0);

  const auto enter = [&](const char* action, std::int32_t user, const char* password,
                         const char* name = "guest@x.example") {
    return house.servlets.handleLogin(request(
        action, {{"share", link(user)}, {"password", password}, {"login", name}}));
  };
  const Response in = enter("anonymous", 11, "right");
  CHECK(Json::parse(in.body)["user_id"] == 11);
  CHECK(in.cookies.size() == 4);
  CHECK(codeOf(house.servlets.handleSystem(of(in, "whoami"))) == "");
  CHECK(Json::parse(enter("guest", 9, "right").body)["user_id"] == 9);
  CHECK(codeOf(enter("guest", 9, "right", "other@x.example")) == "LGI-0006");
  CHECK(codeOf(enter("guest", 9, "wrong")) == "LGI-0006");
  CHECK(codeOf(enter("guest", 11, "right")) == "LGI-0006");      // that is no named one
  CHECK(codeOf(enter("anonymous", 9, "right")) == "LGI-0006");   // that is one
  CHECK(codeOf(enter("anonymous", 12, "right")) == "LGI-0006");  // has no password
  CHECK(codeOf(enter("anonymous", 11, "")) == "LGI-0001");
  CHECK(codeOf(house.servlets.handleLogin(request("anonymous", {{"password", "right"}}))) == "SVL-0002");
  CHECK(codeOf(house.servlets.handleLogin(
            request("anonymous", {{"share", std::string(48, 'z')}, {"password", "right"}}))) == "SVL-0010");
  Request inUrl = request("anonymous", {{"share", link(11)}, {"password", "right"}});
  inUrl.queryParameters = inUrl.parameters.size();
  CHECK(codeOf(house.servlets.handleLogin(inUrl)) == "SVL-0010");
}

TEST_CASE("a link that leads nowhere is 404, whatever is wrong with it, and guessing is limited") {
  LoginSettings s = plain();
  s.rate.failures = 5;
  House house(s);
  CHECK(house.servlets.handleShare(get("/ajax/share/")).status == 404);
  CHECK(house.servlets.handleShare(get("/ajax/share/../../etc/passwd")).status == 404);
  CHECK(house.servlets.handleShare(follow(3)).status == 404);  // no guest
  CHECK(house.servlets.handleShare(follow(99)).status == 404);
  CHECK(house.servlets.handleShare(get("/ajax/share/" + link(12, 2))).status == 404);
  std::string guessed = link(12);
  guessed.back() = guessed.back() == '0' ? '1' : '0';
  CHECK(house.servlets.handleShare(get("/ajax/share/" + guessed)).status == 404);
  Request post = follow(12);
  post.method = "POST";
  CHECK(house.servlets.handleShare(post).status == 405);
  house.contexts->failure = Code::kCtxUpdating;
  CHECK(codeOf(house.servlets.handleShare(follow(12))) == "CTX-0007");
  house.contexts->failure = Code::kCtxNotFound;
  CHECK(house.servlets.handleShare(follow(12)).status == 404);
  house.contexts->failure = Code::kInternal;
  CHECK(house.servlets.handleShare(follow(12)).status == 429);
  CHECK(house.sessions->counts().active == 0);
}

TEST_CASE("sessions of a link count against maxSessionPerLink, a guest's against maxSessionPerGuest") {
  sessiond::SessiondSettings limits;
  limits.maxSessionPerLink = 2;
  limits.maxSessionPerGuest = 1;
  limits.maxSessionPerUser = 3;
  ox::test::SessionCluster cluster;
  ox::test::SessionCluster::Node one(cluster, "one", limits), two(cluster, "two", limits);
  for (const bool transient : {false, true}) {
    LoginSettings s = plain();
    s.transientGuests = transient;
    const auto at = [&](ox::test::SessionCluster::Node& node) {
      return std::make_unique<House>(
          s, std::shared_ptr<sessiond::SessiondService>(&node.service, [](auto*) {}), TokenMaps());
    };
    const auto here = at(one), there = at(two);
    CHECK(here->servlets.handleShare(follow(12)).status == 302);
    CHECK(here->servlets.handleShare(follow(12)).status == 302);
    CHECK(codeOf(here->servlets.handleShare(follow(12))) == "SES-0007");
    CHECK(here->servlets.handleShare(follow(10)).status == 302);
    CHECK(codeOf(here->servlets.handleShare(follow(10))) == "SES-0007");
    // Of the cluster, as far as they are stored.
    CHECK((there->servlets.handleShare(follow(12)).status == 302) == transient);
    CHECK(one.service.counts().transient == (transient ? 3 : 0));
    CHECK(cluster.maps.sessions->values.size() == (transient ? 0 : 3));
    services::CloseRequest all;
    all.contextIds = {1};
    one.clock.advance(1);
    REQUIRE(one.service.close(all).ok());
    CHECK(one.service.counts().active == 0);
    CHECK(two.service.counts().active == 0);
    one.clock.advance(1000);
    two.clock.advance(1000);
  }
}

TEST_CASE("transient=true: a session of this node, whose cookies end with the browser") {
  ox::test::SessionCluster cluster;
  ox::test::SessionCluster::Node one(cluster, "one");
  House house(plain(), std::shared_ptr<sessiond::SessiondService>(&one.service, [](auto*) {}),
              TokenMaps());
  const Response r = house.servlets.handleLogin(
      credentials("login", {{"transient", "true"}, {"staySignedIn", "true"}}));
  CHECK(cluster.maps.sessions->values.empty());
  REQUIRE(r.cookies.size() == 3);
  CHECK(r.cookies[0].maxAgeSeconds == -1);
  CHECK(codeOf(house.servlets.handleSystem(of(r, "whoami"))) == "");
  CHECK(house.servlets.handleLogin(of(r, "logout")).status == 200);
  CHECK(cluster.maps.endings->values.empty());
  CHECK(one.service.counts().active == 0);
}
