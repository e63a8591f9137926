// The dispatcher without sockets: longest path, proxies, servlet lookup.
#include <doctest/doctest.h>

#include "http/dispatcher.h"

using namespace ox;
using namespace ox::http;

namespace {
RawRequest get(std::string target, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {"GET", std::move(target), std::move(headers), "", "10.0.0.9", false, "", {}};
}
Handler nothing() {
  return [](const Request&, const Reply& reply) { reply(Response()); };
}
}  // namespace

TEST_CASE("the longest registered path at a segment border answers") {
  SeededRandom random(1);
  Dispatcher d({}, random);
  const auto a = d.add("a", RunOn::kWorker, nothing());
  const auto ab = d.add("a/b", RunOn::kLoop, nothing());
  CHECK(d.prepare(get("/ajax/a")).servlet->where == RunOn::kWorker);
  CHECK(d.prepare(get("/ajax/a/c")).servlet->where == RunOn::kWorker);
  CHECK(d.prepare(get("/ajax/a/b/c")).servlet->where == RunOn::kLoop);
  CHECK(d.prepare(get("/ajax/ab")).refusal->status == 404);
  CHECK(d.prepare(get("/ajax")).refusal->status == 404);
}

TEST_CASE("what a thread has found is not kept beyond a change of the servlets") {
  SeededRandom random(1);
  Dispatcher d({}, random), other({}, random);
  const auto a = d.add("a", RunOn::kWorker, nothing());
  CHECK(d.prepare(get("/ajax/a/b")).servlet->where == RunOn::kWorker);
  CHECK(other.prepare(get("/ajax/a/b")).refusal->status == 404);
  auto ab = d.add("a/b", RunOn::kLoop, nothing());
  CHECK(d.prepare(get("/ajax/a/b")).servlet->where == RunOn::kLoop);
  ab.reset();
  CHECK(d.prepare(get("/ajax/a/b")).servlet->where == RunOn::kWorker);
}

TEST_CASE("forwarded headers count only from known proxies, read from the right") {
  SeededRandom random(1);
  HttpSettings s;
  s.considerXForwards = true;
  s.knownProxies = {"10.0.0.9", "10.0.0.8"};
  Dispatcher d(s, random);
  const auto a = d.add("a", RunOn::kWorker, nothing());
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"X-Forwarded-For", "6.6.6.6, 1.2.3.4, 10.0.0.8"}, {"X-Forwarded-Proto", "HTTPS"}};
  auto good = d.prepare(get("/ajax/a", headers));
  CHECK(good.request.remoteAddress == "1.2.3.4");
  CHECK(good.request.secure);
  RawRequest stranger = get("/ajax/a", headers);
  stranger.remoteAddress = "9.9.9.9";
  auto bad = d.prepare(std::move(stranger));
  CHECK(bad.request.remoteAddress == "9.9.9.9");
  CHECK_FALSE(bad.request.secure);
}

TEST_CASE("proxies are addresses and networks; without any every sender is one") {
  SeededRandom random(1);
  HttpSettings s;
  s.considerXForwards = true;
  const auto seen = [&](const std::string& peer, const std::string& chain) {
    Dispatcher d(s, random);
    const auto a = d.add("a", RunOn::kWorker, nothing());
    RawRequest raw = get("/ajax/a", {{"X-Forwarded-For", chain}});
    raw.remoteAddress = peer;
    const auto p = d.prepare(std::move(raw));
    CHECK(d.strangeProxies() == (!s.knownProxies.empty() && p.request.remoteAddress == peer));
    return p.request.remoteAddress;
  };
  CHECK(seen("127.0.0.1", "1.2.3.4") == "1.2.3.4");
  CHECK(seen("::1", "fd00::7") == "fd00::7");
  CHECK(seen("10.0.0.9", "6.6.6.6, 1.2.3.4") == "1.2.3.4");
  CHECK(seen("10.0.0.9", "not an address") == "10.0.0.9");
  s.knownProxies = {"10.0.0.0/8", "fd00::1"};
  CHECK(seen("10.7.0.9", "1.2.3.4, 10.9.9.9") == "1.2.3.4");
  CHECK(seen("fd00::1", "1.2.3.4") == "1.2.3.4");
  CHECK(seen("127.0.0.1", "1.2.3.4") == "127.0.0.1");
}

TEST_CASE("a forwarding field that a proxy added behind the client's own is the one that counts") {
  SeededRandom random(1);
  HttpSettings s;
  s.considerXForwards = true;
  Dispatcher d(s, random);
  const auto a = d.add("a", RunOn::kWorker, nothing());
  const auto p = d.prepare(get("/ajax/a", {{"X-Forwarded-For", "6.6.6.6"},
                                           {"X-Forwarded-Proto", "https"},
                                           {"X-Forwarded-For", "1.2.3.4"},
                                           {"X-Forwarded-Proto", "http"}}));
  CHECK(p.request.remoteAddress == "1.2.3.4");
  CHECK_FALSE(p.request.secure);
}

TEST_CASE("query parameters are told apart from those of the body") {
  SeededRandom random(1);
  Dispatcher d({}, random);
  const auto a = d.add("a", RunOn::kWorker, nothing());
  auto p = d.prepare({"POST", "/ajax/a?x=1&y=2",
                      {{"Content-Type", "application/x-www-form-urlencoded"}}, "password=3", "h",
                      false, "", {}});
  CHECK(p.request.queryParameters == 2);
  CHECK(p.request.parameters.size() == 3);
}
