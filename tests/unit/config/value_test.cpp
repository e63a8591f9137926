#include "config/value.h"

#include <doctest/doctest.h>

#include "config/address_pattern.h"
#include "config/catalog.h"
#include "config/host_list.h"
#include "config/key_checks.h"

using namespace ox::config;

TEST_CASE("value: bool and int") {
  CHECK(*parseBool(" TRUE ") == true);
  CHECK(*parseBool("false") == false);
  CHECK_FALSE(parseBool("yes").ok());
  CHECK_FALSE(parseBool("1").ok());
  CHECK(*parseInt(" -5 ") == -5);
  CHECK(*parseInt("+7") == 7);
  CHECK(*parseInt("9223372036854775807") == INT64_MAX);
  for (const char* bad : {"", "x", "1x", "1 2", "0x10", "1.5", "+-1", "9223372036854775808"})
    CHECK_FALSE(parseInt(bad).ok());
}

TEST_CASE("value: time spans") {
  CHECK(parseMillis("90000")->value == 90000);
  CHECK(parseMillis("120s")->value == 120'000);
  CHECK(parseMillis("500ms")->value == 500);
  CHECK(parseMillis("15m")->value == 900'000);
  CHECK(parseMillis("15M")->value == 900'000);  // minutes: the stock files say M, H, D, W
  CHECK(parseMillis("12H")->value == 43'200'000);
  CHECK(parseMillis("1D 12h")->value == 129'600'000);
  CHECK(parseMillis("1W2D")->value == 9 * 86'400'000LL);
  CHECK(parseMillis("0")->value == 0);
  for (const char* bad : {"", "-1", "-1s", "1x", "s", "1 fortnight", "1s 5", "5 1s", "1.5h",
                          "99999999999999W", "9223372036854775807s"})
    CHECK_MESSAGE(!parseMillis(bad).ok(), bad);
}

TEST_CASE("value: lists") {
  CHECK(parseList("") == std::vector<std::string>{});
  CHECK(parseList(" , ,") == std::vector<std::string>{});
  CHECK(parseList("a, b ,c,") == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("value: hosts") {
  const auto check = [](const char* text, const char* host, int port, bool numeric) {
    const auto parsed = parseHostPort(text);
    REQUIRE_MESSAGE(parsed.ok(), text);
    CHECK(parsed->host == host);
    CHECK(parsed->port == port);
    CHECK(parsed->numeric == numeric);
  };
  check("10.0.0.15", "10.0.0.15", 0, true);
  check("10.0.0.15:5701", "10.0.0.15", 5701, true);
  check(" node1.example.com ", "node1.example.com", 0, false);
  check("node_1:65535", "node_1", 65535, false);
  check("fe80::1", "fe80::1", 0, true);
  check("[fe80::1]", "fe80::1", 0, true);
  check("[2001:db8::1]:5711", "2001:db8::1", 5711, true);
  for (const char* bad : {"", ":1", "a:", "a:0", "a:65536", "a:x", "10.0.0.256", "10.0.0", "[::1",
                          "[x]:1", "[::1]5", "a b", "-a", "a..b", "a:1:2", "1.2.3.4.5"})
    CHECK_MESSAGE(!parseHostPort(bad).ok(), bad);
  CHECK(parseHostList({"a", "b:1", "a"})->size() == 2);
  CHECK_FALSE(parseHostList(std::vector<std::string>(kMaxListedHosts + 1, "a")).ok());
  CHECK(parseHostPort("10.0.0.256").error().message.find("10.0.0.256") != std::string::npos);
}

TEST_CASE("value: address patterns") {
  const auto matches = [](const char* pattern, const char* address) {
    const auto parsed = AddressPattern::parse(pattern);
    REQUIRE_MESSAGE(parsed.ok(), pattern);
    return parsed->matches(address);
  };
  CHECK(matches("10.0.0.*", "10.0.0.15"));
  CHECK_FALSE(matches("10.0.0.*", "10.0.1.15"));
  CHECK(matches("10.0-3.0.10-20", "10.3.0.20"));
  CHECK_FALSE(matches("10.0-3.0.10-20", "10.3.0.21"));
  CHECK(matches("127.0.0.1", "127.0.0.1"));
  CHECK(matches("*", "::1"));
  CHECK(matches("*", "10.1.2.3"));
  CHECK_FALSE(matches("*", "localhost"));
  CHECK(matches("2001:db8::*", "2001:db8::7"));
  CHECK_FALSE(matches("2001:db8::*", "2001:db8:1::7"));
  CHECK(matches("fe80:*:*:*:*:*:*:10-ff", "fe80::20%eth0"));
  CHECK_FALSE(matches("fe80:*:*:*:*:*:*:10-ff", "fe80::1"));
  CHECK(matches("::1", "::1"));
  CHECK_FALSE(matches("*.*.*.*", "::1"));
  CHECK_FALSE(matches("10.0.0.*", "nonsense"));
  for (const char* bad : {"", "10.0.0", "10.0.0.0.0", "10.0.0.256", "10.0.0.20-10", "10.0.0.a",
                          "10.0.0.", "1:2:3", "1:2:3:4:5:6:7:8:9", "::1::2", "g::1", "localhost",
                          "10.0.0.1-", "10.0.0.-1", "1::2:3:4:5:6:7:8"})
    CHECK_MESSAGE(!AddressPattern::parse(bad).ok(), bad);
  CHECK(AddressPattern::parse("127.0.0.*")->loopbackOnly());
  CHECK(AddressPattern::parse("::1")->loopbackOnly());
  CHECK_FALSE(AddressPattern::parse("*")->loopbackOnly());
  CHECK_FALSE(AddressPattern::parse("126-127.0.0.1")->loopbackOnly());
}

TEST_CASE("value: single checks refuse and accept") {
  CHECK(checkPortOffset("auto").empty());
  CHECK(checkPortOffset("AUTO").empty());
  CHECK(checkPortOffset("0").empty());
  CHECK_FALSE(checkPortOffset("-1").empty());
  CHECK_FALSE(checkPortOffset("ten").empty());
  CHECK(checkBackendRoute("OX1").empty());
  for (const char* bad : {"", "OX.1", "OX,1", "OX 1", "OX\t1", "\xc3\xa4"})
    CHECK_MESSAGE(!checkBackendRoute(bad).empty(), bad);
  CHECK_FALSE(checkBackendRoute("OX1;a").empty());
  CHECK(checkCookieTtl("web-browser").empty());
  CHECK(checkCookieTtl("1W").empty());
  CHECK_FALSE(checkCookieTtl("for ever").empty());
  CHECK(checkMaskV4("/24").empty());
  CHECK(checkMaskV4("255.255.255.0").empty());
  CHECK_FALSE(checkMaskV4("/33").empty());
  CHECK_FALSE(checkMaskV6("255.255.255.0").empty());
  CHECK(checkJdbcUrl("jdbc:mysql://localhost:3306/configdb?useSSL=false").empty());
  CHECK(checkJdbcUrl("jdbc:mariadb://[::1]:3306/configdb").empty());
  CHECK_FALSE(checkJdbcUrl("jdbc:mysql:///configdb").empty());
  CHECK_FALSE(checkJdbcUrl("jdbc:postgresql://a/b").empty());
  CHECK(checkPathPrefix("/ajax/").empty());
  CHECK_FALSE(checkPathPrefix("ajax").empty());
  CHECK_FALSE(checkHeaderName("X Forwarded").empty());
}

TEST_CASE("catalog: nearest key and edit distance") {
  CHECK(editDistance("abc", "abc", 5) == 0);
  CHECK(editDistance("abc", "acb", 5) == 1);
  CHECK(editDistance("kitten", "sitting", 5) == 3);
  CHECK(editDistance("a", "abcdefgh", 3) == 4);
  const auto& catalog = Catalog::instance();
  CHECK(catalog.nearest("com.openexchange.hazelcast.gruop.name") ==
        "com.openexchange.hazelcast.group.name");
  CHECK(catalog.nearest("something.else.altogether").empty());
  CHECK(catalog.find("readProperty.12") != nullptr);
  CHECK(catalog.find("readProperty.x") == nullptr);
  CHECK(catalog.find("readProperty.") == nullptr);
}

TEST_CASE("catalog: every default and stock value is a good value of its key") {
  for (const auto& key : Catalog::instance().all()) {
    if (key.name.ends_with(".N")) continue;
    if (key.name != "com.openexchange.hazelcast.configuration.map.name")
      CHECK_MESSAGE(valueProblem(key, key.defaultText) == "", key.name);
    if (!key.stockText.empty()) CHECK_MESSAGE(valueProblem(key, key.stockText) == "", key.name);
    CHECK_MESSAGE(key.help.back() == '.', key.name);
  }
}
