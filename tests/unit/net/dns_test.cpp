#include <doctest/doctest.h>

#include <chrono>
#include <future>

#include "net/dns.h"
#include "net/fake_dns.h"
#include "net/multicast.h"

using namespace ox;
using namespace ox::net;
using test::FakeDns;

TEST_CASE("addresses come from the chosen name server, by UDP and by TCP when cut") {
  FakeDns dns;
  dns.a("grid.test", "10.0.0.2");
  dns.a("grid.test", "10.0.0.1");
  dns.aaaa("grid.test", "2001:db8::1");
  const DnsServer server{"127.0.0.1", dns.port()};
  CHECK(dnsAddresses(server, "grid.test", false).value() ==
        std::vector<std::string>{"10.0.0.1", "10.0.0.2"});
  CHECK(dnsAddresses(server, "grid.test", true).value() ==
        std::vector<std::string>{"10.0.0.1", "10.0.0.2", "2001:db8::1"});
  CHECK(dns.askedByTcp() == 0);
  dns.manner(FakeDns::Manner::kTruncates);
  CHECK(dnsAddresses(server, "grid.test", false).value().size() == 2);
  CHECK(dns.askedByTcp() == 1);
  dns.manner(FakeDns::Manner::kAnswers);
  dns.clear();
  dns.a("grid.test", "10.0.0.9");
  CHECK(dnsAddresses(server, "grid.test", false).value() == std::vector<std::string>{"10.0.0.9"});
}

TEST_CASE("services with their ports, by priority") {
  FakeDns dns;
  dns.srv("_hz._tcp.grid.test", "n2.grid.test", 5712, 20);
  dns.srv("_hz._tcp.grid.test", "n1.grid.test", 5711, 10);
  dns.srv("_hz._tcp.grid.test", "n0.grid.test", 0);  // "no such service"
  const auto found = dnsServices({"127.0.0.1", dns.port()}, "_hz._tcp.grid.test");
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0] == DnsService{"n1.grid.test", 5711, 10, 50});
  CHECK((*found)[1].host == "n2.grid.test");
}

TEST_CASE("no such name is told apart from a server that does not know") {
  FakeDns dns;
  dns.aaaa("six.test", "2001:db8::1");
  const DnsServer server{"127.0.0.1", dns.port()};
  CHECK(dnsAddresses(server, "nobody.test", false).error().code == Code::kNotFound);
  CHECK(dnsAddresses(server, "six.test", false).error().code == Code::kNotFound);
  CHECK(dnsServices(server, "_no._tcp.test").error().code == Code::kNotFound);
  dns.manner(FakeDns::Manner::kFails);
  CHECK(dnsAddresses(server, "six.test", true).error().code == Code::kIo);
  dns.manner(FakeDns::Manner::kGarbage);
  CHECK(!dnsAddresses(server, "six.test", true));
  dns.manner(FakeDns::Manner::kSilent);
  const auto silent = dnsAddresses(server, "six.test", true);
  REQUIRE(!silent);
  CHECK(silent.error().code == Code::kNetTimeout);
  CHECK(silent.error().message.find("six.test") != std::string::npos);
}

TEST_CASE("multicast on loopback: two sockets of one machine hear each other") {
  Shard shard(0, "multicast");
  std::promise<Bytes> heard;
  std::unique_ptr<Multicast> one, two;
  const Multicast::Options options{"224.2.2.3", static_cast<std::uint16_t>(30000 + ::getpid() % 20000),
                                   0, true, {"127.0.0.1"}};
  bool done = false;
  shard.runAndWait([&] {
    auto a = Multicast::open(shard, options, [](BytesView) {});
    auto b = Multicast::open(shard, options, [&](BytesView packet) {
      if (!std::exchange(done, true)) heard.set_value(Bytes(packet));
    });
    REQUIRE(a);
    REQUIRE(b);
    one = std::move(a.value());
    two = std::move(b.value());
    CHECK(one->send("hello") == "");
  });
  CHECK(heard.get_future().get() == "hello");
  shard.runAndWait([&] {
    one.reset();
    two.reset();
  });
}

namespace {
struct StandingClock final : Clock {
  std::int64_t nanos = 1'000'000'000;
  std::int64_t steadyNanos() const override { return nanos; }
  std::int64_t wallMillis() const override { return 0; }
};
}  // namespace

TEST_CASE("multicast: a flood is read up to the limit, the rest is counted") {
  StandingClock clock;  // a slow machine must not make several seconds of the flood
  Shard shard(0, "multicast");
  int heard = 0, sent = 0;
  std::unique_ptr<Multicast> one;
  Multicast::Options options{"224.2.2.3", static_cast<std::uint16_t>(30001 + ::getpid() % 20000), 0,
                             true, {"127.0.0.1"}};
  options.clock = &clock;
  shard.runAndWait([&] {
    auto a = Multicast::open(shard, options, [&](BytesView) { ++heard; });
    REQUIRE(a);
    one = std::move(a.value());
  });
  // The next few when these have come, so that the socket's buffer never overflows.
  const auto flood = [&](int packets) {
    const int target = sent + packets;
    while (sent < target) {
      shard.runAndWait([&] {
        for (int k = 0; k < 10; ++k, ++sent) one->send("x");
      });
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      bool all = false;
      while (!all && std::chrono::steady_clock::now() < until)
        shard.runAndWait([&] { all = heard + static_cast<int>(one->dropped()) >= sent; });
      REQUIRE(all);
    }
  };
  flood(3 * Multicast::kMaxPerSecond);
  CHECK(heard == Multicast::kMaxPerSecond);
  CHECK(one->dropped() == 2 * Multicast::kMaxPerSecond);
  clock.nanos += 1'000'000'000;  // the next second
  flood(10);
  CHECK(heard == Multicast::kMaxPerSecond + 10);
  CHECK(one->dropped() == 2 * Multicast::kMaxPerSecond);
  shard.runAndWait([&] { one.reset(); });
}

TEST_CASE("multicast that cannot be says group, interface and reason") {
  Shard shard(0, "multicast");
  shard.runAndWait([&] {
    const auto bad = Multicast::open(shard, {"10.0.0.1", 5000, 1, true, {"127.0.0.1"}}, nullptr);
    REQUIRE(!bad);
    CHECK(bad.error().code == Code::kNetBind);
    const auto none = Multicast::open(shard, {"224.2.2.3", 5000, 1, true, {"192.0.2.77"}}, nullptr);
    REQUIRE(!none);
    CHECK(none.error().message.find("192.0.2.77") != std::string::npos);
  });
}
