// Targets, parameters, cookies, JSESSIONID, cookie ttl: pure functions on outside text.
#include <doctest/doctest.h>

#include "base/random.h"
#include "http/cookie_ttl.h"
#include "http/cookies.h"
#include "http/jsessionid.h"
#include "http/url.h"

using namespace ox;
using namespace ox::http;

TEST_CASE("percent decoding is strict") {
  CHECK(percentDecode("a%20b+c", true) == "a b c");
  CHECK(percentDecode("a+c", false) == "a+c");
  CHECK(percentDecode("%C3%A4", true) == "\xc3\xa4");
  for (const char* bad : {"%", "%4", "%zz", "a%2", "%00", "%ff", "%C3", "%ED%A0%80", "%C0%AF"})
    CHECK_MESSAGE(!percentDecode(bad, true), bad);
}

TEST_CASE("what is encoded comes back") {
  SeededRandom random(7);
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(20); n > 0; --n)
      text.push_back(static_cast<char>(1 + random.below(127)));
    CHECK(percentDecode(percentEncode(text), true) == text);
  }
}

TEST_CASE("a target loses its path parameters and keeps the session id") {
  const auto t = parseTarget("/ajax/login;jsessionid=12.OX1;x=y?action=login&a=b?c");
  REQUIRE(t.ok());
  CHECK(t->path == "/ajax/login");
  CHECK(t->jsessionId == "12.OX1");
  CHECK(t->query == "action=login&a=b?c");
  const auto middle = parseTarget("/ajax;JSESSIONID=1.A/login");
  REQUIRE(middle.ok());
  CHECK(middle->path == "/ajax/login");
  CHECK(middle->jsessionId == "1.A");
  CHECK(parseTarget("HTTP://host:80/ajax/x")->path == "/ajax/x");
  CHECK(parseTarget("http://host")->path == "/");
  CHECK_FALSE(parseTarget("").ok());
  CHECK_FALSE(parseTarget("*").ok());
  CHECK_FALSE(parseTarget("/a%0ab").ok());
  CHECK_FALSE(parseTarget("/a%zz").ok());
  CHECK_FALSE(parseTarget("/" + std::string(kMaxTargetBytes, 'a')).ok());
}

TEST_CASE("parameters keep their order and are bounded") {
  Parameters out;
  REQUIRE(parseParameters("a=1&&b=%3D&c&=x&a=2", 5, out).ok());
  CHECK(out == Parameters{{"a", "1"}, {"b", "="}, {"c", ""}, {"", "x"}, {"a", "2"}});
  CHECK_FALSE(parseParameters("d=1", 5, out).ok());
  out.clear();
  CHECK_FALSE(parseParameters("a=%", 5, out).ok());
}

TEST_CASE("cookies: quoted values, broken pieces, limits") {
  std::vector<std::pair<std::string, std::string>> out;
  CHECK(parseCookies("a=1; b=\"x;y\";  c = 2 ; $Path=/; novalue; =x; d=\"", out) == 3);
  CHECK(out == Parameters{{"a", "1"}, {"b", "x;y"}, {"c", "2"}, {"d", "\""}});
  out.clear();
  std::string many;
  for (std::size_t i = 0; i < kMaxCookies + 5; ++i) many += "k=v; ";
  CHECK(parseCookies(many, out) == 5);
  CHECK(out.size() == kMaxCookies);
  out.clear();
  CHECK(parseCookies("big=" + std::string(kMaxCookieBytes, 'x') + "; ok=1", out) == 1);
  CHECK(out == Parameters{{"ok", "1"}});
}

TEST_CASE("an open quote does not swallow the cookies behind it") {
  std::vector<std::pair<std::string, std::string>> out;
  parseCookies("a=\"x; secret=1", out);
  CHECK(out == Parameters{{"a", "\"x"}, {"secret", "1"}});
}

TEST_CASE("Set-Cookie is never quoted and never broken") {
  Cookie c;
  c.name = "open-xchange-secret-ab";
  c.value = "0123";
  c.secure = true;
  c.maxAgeSeconds = 60;
  CHECK(setCookieHeader(c) == "open-xchange-secret-ab=0123; Max-Age=60; Path=/; Secure; HttpOnly");
  c.maxAgeSeconds = 0;
  CHECK(setCookieHeader(c).find("Expires=Thu, 01 Jan 1970") != std::string::npos);
  c.value = "a\r\nX: y";
  CHECK(setCookieHeader(c).empty());
  c.value = "a;b";
  CHECK(setCookieHeader(c).empty());
  c.value = "a";
  c.path = "/;x";
  CHECK(setCookieHeader(c).empty());
}

TEST_CASE("the route is the text behind the first dot") {
  const auto id = parseJSessionId("5661584529655240315.OX1.b");
  REQUIRE(id);
  CHECK(id->id == "5661584529655240315");
  CHECK(id->route == "OX1.b");
  for (const char* bad : {"", ".", "1.", ".OX1", "1", "1.O X", "1.\"x\""})
    CHECK_MESSAGE(!parseJSessionId(bad), bad);
  CHECK_FALSE(parseJSessionId("1." + std::string(kMaxJSessionIdBytes, 'x')));
}

TEST_CASE("a new JSESSIONID is decimal and carries the route") {
  SeededRandom random(1);
  for (int i = 0; i < 50; ++i) {
    const auto id = parseJSessionId(jSessionIdText(newDecimal(random), "OX7"));
    REQUIRE(id);
    CHECK(id->route == "OX7");
    CHECK(id->id.find_first_not_of("0123456789") == std::string::npos);
    CHECK(jSessionIdText(decimalOf(*id).value(), "OX7") == id->id + ".OX7");
  }
}

TEST_CASE("only the decimal as we write it is a decimal of ours") {
  CHECK(decimalOf({"77", "x"}) == 77);
  CHECK(decimalOf({"18446744073709551615", "x"}) == UINT64_MAX);
  for (const char* bad : {"", "077", "+7", "-7", "7a", "18446744073709551616", "7 "})
    CHECK_MESSAGE(!decimalOf({bad, "x"}), bad);
}

TEST_CASE("cookie ttl") {
  CHECK(cookieTtlSeconds("1W") == 604800);
  CHECK(cookieTtlSeconds("604800000") == 604800);
  CHECK(cookieTtlSeconds("1h 30m") == 5400);
  CHECK(cookieTtlSeconds("web-browser") == -1);
  CHECK(cookieTtlSeconds("") == -1);
  CHECK(cookieTtlSeconds("900W") == 10LL * 366 * 86400);
}
