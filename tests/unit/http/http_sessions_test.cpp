// HTTP sessions and addresses: what the dispatcher keeps and compares.
#include <doctest/doctest.h>

#include "http/address.h"
#include "http/dispatcher.h"
#include "http/http_sessions.h"
#include "http/jsessionid.h"

using namespace ox;
using namespace ox::http;

namespace {
class ManualClock final : public Clock {
 public:
  std::int64_t steadyNanos() const override { return millis * 1'000'000; }
  std::int64_t wallMillis() const override { return millis; }
  std::int64_t millis = 1'000'000;
};
}  // namespace

TEST_CASE("HTTP sessions end by time, counted from their last use") {
  ManualClock clock;
  HttpSessions sessions(0, 1000, clock);
  sessions.add(1);
  clock.millis += 900;
  CHECK(sessions.use(1));
  clock.millis += 900;
  CHECK(sessions.use(1));
  clock.millis += 1001;
  CHECK_FALSE(sessions.use(1));
  CHECK(sessions.active() == 0);
  CHECK_FALSE(sessions.use(2));
}

TEST_CASE("sessions that ended by time make room when others come") {
  ManualClock clock;
  HttpSessions sessions(100, 1000, clock);
  for (std::uint64_t id = 0; id < 50; ++id) sessions.add(id);
  clock.millis += 2000;
  sessions.add(99);
  CHECK(sessions.active() == 1);
  CHECK(sessions.dropped() == 0);
}

TEST_CASE("beyond the limit the session unused longest is dropped, and counted") {
  ManualClock clock;
  HttpSessions sessions(3, -1, clock);
  for (std::uint64_t id = 1; id <= 3; ++id) sessions.add(id);
  CHECK(sessions.use(1));
  sessions.add(4);
  CHECK(sessions.active() == 3);
  CHECK_FALSE(sessions.use(2));
  CHECK(sessions.use(1));
  CHECK(sessions.dropped() == 1);
  clock.millis += 1'000'000'000;
  CHECK(sessions.use(1));  // -1: never by time
  sessions.remove(1);
  CHECK_FALSE(sessions.use(1));
}

TEST_CASE("a large limit holds although it is divided") {
  ManualClock clock;
  HttpSessions sessions(16'000, -1, clock);
  SeededRandom random(1);
  for (int i = 0; i < 40'000; ++i) sessions.add(newDecimal(random));
  CHECK(sessions.active() <= 16'000);
  CHECK(sessions.active() > 15'000);
}

TEST_CASE("addresses, networks and masks") {
  CHECK(parseAddress("10.0.0.1")->four);
  CHECK(parseAddress("::ffff:10.0.0.1") == parseAddress("10.0.0.1"));
  CHECK(parseAddress("::1")->loopback());
  CHECK(parseAddress("127.9.9.9")->loopback());
  CHECK_FALSE(parseAddress("fd00::1")->loopback());
  for (const char* bad : {"", "10.0.0", "10.0.0.256", "host", "::g", "1.2.3.4:80"})
    CHECK_MESSAGE(!parseAddress(bad), bad);
  const Networks networks({"10.0.0.0/8", "192.168.1.7", "fd00::/8", "172.16.0.0/12"});
  for (const char* in : {"10.200.3.4", "192.168.1.7", "fd12::9", "172.31.255.255"})
    CHECK_MESSAGE(networks.contains(*parseAddress(in)), in);
  for (const char* out : {"11.0.0.1", "192.168.1.8", "fe80::1", "172.32.0.0", "::1"})
    CHECK_MESSAGE(!networks.contains(*parseAddress(out)), out);
  CHECK(maskBits("/24", 32) == 24);
  CHECK(maskBits("255.255.240.0", 32) == 20);
  CHECK(maskBits("", 32) == 32);
  CHECK(sameNetwork(*parseAddress("10.1.2.3"), *parseAddress("10.1.2.200"), 24));
  CHECK_FALSE(sameNetwork(*parseAddress("10.1.2.3"), *parseAddress("10.1.3.3"), 24));
  CHECK_FALSE(sameNetwork(*parseAddress("10.1.2.3"), *parseAddress("::1"), 0));
}

TEST_CASE("a forgotten HTTP session gets a new id with the same route; a logout ends one") {
  SeededRandom random(1);
  ManualClock clock;
  HttpSettings s;
  s.backendRoute = "OX1";
  s.maxInactiveMillis = 1000;
  s.sameSite = SameSite::kStrict;
  Dispatcher d(s, random, clock);
  const auto a = d.add("a", RunOn::kLoop, [](const Request&, const Reply& reply) { reply({}); });
  const auto ask = [&](const std::string& id) {
    return d.prepare({"GET", "/ajax/a", {{"Cookie", "JSESSIONID=" + id}}, "", "::1", false, "", {}});
  };
  auto first = ask("77.OX1");
  REQUIRE(first.newHttpSession);
  const std::string id = first.request.httpSessionId;
  CHECK(parseJSessionId(id)->route == "OX1");
  Response answer;
  d.finish(first, answer);
  REQUIRE(answer.cookies.size() == 1);
  CHECK(answer.cookies[0].value == id);
  CHECK(answer.cookies[0].sameSite == SameSite::kStrict);
  CHECK_FALSE(ask(id).newHttpSession);
  CHECK(answer.cookies[0].httpOnly);
  d.setCookieHttpOnly(false);
  Response open;
  auto another = ask("");
  d.finish(another, open);
  CHECK_FALSE(open.cookies.at(0).httpOnly);
  clock.millis += 1001;
  CHECK(ask(id).newHttpSession);

  auto second = ask("77.OX2");
  const std::string mine = second.request.httpSessionId;
  auto logout = ask(mine);
  CHECK_FALSE(logout.newHttpSession);
  Response bye;
  Cookie gone;
  gone.name = kJSessionCookie;
  gone.maxAgeSeconds = 0;
  bye.cookies.push_back(gone);
  d.finish(logout, bye);
  CHECK(ask(mine).newHttpSession);

  d.stopping();
  auto late = ask("");
  Response last;
  d.finish(late, last);
  CHECK(last.cookies.empty());
}
