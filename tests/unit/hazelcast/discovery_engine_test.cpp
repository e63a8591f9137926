// Real members that find each other by multicast and by DNS, and dial from given ports.
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>

#include "engine_fixture.h"
#include "net/fake_dns.h"
#include "net/interfaces.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
GridConfig multicastConfig(std::uint16_t port, std::uint16_t groupPort) {
  GridConfig c = configFor(port, {});
  c.join = "multicast";
  c.multicast.port = groupPort;
  c.multicast.timeToLive = 0;  // stays on this machine
  return c;
}
std::uint16_t groupPort() {
  static int next = 0;
  return static_cast<std::uint16_t>(40000 + (::getpid() * 7 + next++) % 20000);
}
}  // namespace

TEST_CASE("members find each other by multicast; another password and another name stay apart") {
  const std::uint16_t ports = freePorts(5), group = groupPort();
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 3; ++i) {
    GridConfig c = multicastConfig(static_cast<std::uint16_t>(ports + i), group);
    c.password = "secret";
    nodes.push_back(startNode(c));
  }
  GridConfig wrong = multicastConfig(static_cast<std::uint16_t>(ports + 3), group);
  wrong.password = "guess";
  const auto stranger = startNode(wrong);
  GridConfig named = multicastConfig(static_cast<std::uint16_t>(ports + 4), group);
  named.clusterName = "other-10.1";
  named.password = "secret";
  const auto other = startNode(named);
  CHECK(eventually([&] {
    return std::all_of(nodes.begin(), nodes.end(), [](auto& n) { return isWhole(*n, 3); });
  }));
  CHECK(eventually([&] {
    return (*nodes[0])->discovered().packetsUnproven > 0 &&
           (*nodes[0])->discovered().packetsForeign > 0;
  }));
  CHECK((*nodes[0])->discovered().candidates == 2);
  CHECK((*stranger)->discovered().candidates == 0);
  CHECK(eventually([&] { return isWhole(*stranger, 1) && isWhole(*other, 1); }));
}

TEST_CASE("members find each other behind DNS names whose records change") {
  ox::test::FakeDns dns;
  const std::uint16_t ports = freePorts(3);
  const auto config = [&](int i) {
    GridConfig c = configFor(static_cast<std::uint16_t>(ports + i), {});
    c.join = "dns";
    c.dns = DnsSettings{{"_hz._tcp.grid.test"}, "127.0.0.1", dns.port(), 200};
    return c;
  };
  dns.a("n.grid.test", "127.0.0.1");
  dns.srv("_hz._tcp.grid.test", "n.grid.test", ports);
  const auto first = startNode(config(0));
  const auto second = startNode(config(1));
  CHECK(eventually([&] { return isWhole(*first, 2) && isWhole(*second, 2); }));
  CHECK((*second)->discovered().candidates == 1);
  // A third one that asks while the server is silent starts alone and comes in later.
  dns.manner(ox::test::FakeDns::Manner::kFails);
  const auto third = startNode(config(2));
  CHECK(eventually([&] { return (*third)->discovered().failures > 0; }));
  dns.srv("_hz._tcp.grid.test", "n.grid.test", static_cast<std::uint16_t>(ports + 1));
  dns.manner(ox::test::FakeDns::Manner::kAnswers);
  CHECK(eventually([&] { return isWhole(*third, 3) && isWhole(*first, 3); }));
  CHECK((*third)->discovered().candidates == 2);
}

TEST_CASE("static names are resolved again; a reload changes the list") {
  const std::uint16_t ports = freePorts(2);
  const auto first = startNode(configFor(ports, {ports}));
  GridConfig c = configFor(static_cast<std::uint16_t>(ports + 1), {});
  c.nodes = {{"no-such-host.invalid", ports, false}};
  const auto second = startNode(c);
  CHECK(eventually([&] { return (*second)->discovered().failures > 0; }));
  CHECK(eventually([&] { return isWhole(*second, 1); }));
  DiscoverySettings changed = c.discovery();
  changed.nodes = {{"localhost", ports, false}};
  (*second)->setDiscovery(changed);
  CHECK(eventually([&] { return isWhole(*first, 2) && isWhole(*second, 2); }));
}

TEST_CASE("members dial from the outbound ports; too few of them are counted and retried") {
  const std::uint16_t ports = freePorts(2), sources = freePorts(20);
  const auto config = [&](int i, int count) {
    GridConfig c = configFor(static_cast<std::uint16_t>(ports + i), {ports});
    c.outboundPorts = {{sources, static_cast<std::uint16_t>(sources + count - 1)}};
    return c;
  };
  const auto first = startNode(config(0, 20));
  {
    const auto enough = startNode(config(1, 20));
    CHECK(eventually([&] { return isWhole(*first, 2) && isWhole(*enough, 2); }));
    CHECK((*enough)->sourcePortsExhausted() == 0);
    CHECK((*enough)->stop());
  }
  CHECK(eventually([&] { return isWhole(*first, 1); }));
  const auto few = startNode(config(1, 1));
  CHECK(eventually([&] { return (*few)->sourcePortsExhausted() > 0; }));
}

TEST_CASE("members bind, announce and dial IPv6 addresses") {
  const auto local = net::localAddresses();
  REQUIRE_MESSAGE(std::find(local.begin(), local.end(), "::1") != local.end(),
                  "this machine has no IPv6 loopback address");
  const std::uint16_t ports = freePorts(2);
  const auto config = [&](int i) {
    GridConfig c = configFor(static_cast<std::uint16_t>(ports + i), {});
    c.ipv6 = true;
    c.bindHost = c.announcedHost = "::1";
    c.nodes = {{"::1", ports, true}};
    return c;
  };
  const auto first = startNode(config(0)), second = startNode(config(1));
  CHECK(eventually([&] { return isWhole(*first, 2) && isWhole(*second, 2); }));
  CHECK((*second)->address().toString() == "[::1]:" + std::to_string(ports + 1));
}
