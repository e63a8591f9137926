// The lateral TCP connection: frames, links between transports on loopback, strangers, losses, warnings.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "../sessions/fake_grid.h"
#include "base/log.h"
#include "base/random.h"
#include "events.h"
#include "lateral_frames.h"
#include "lateral_transport.h"
#include "net/stream.h"
#include "regions.h"

using namespace ox;
using namespace ox::caching;

namespace {

using Kind = LateralFrame::Kind;

constexpr int kWaitMillis = 20'000;

template <typename Condition>
bool eventually(const Condition& condition) {
  const std::int64_t until = systemClock().steadyMillis() + kWaitMillis;
  while (!condition()) {
    if (systemClock().steadyMillis() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

LateralSettings onLoopback(std::vector<std::string> servers) {
  LateralSettings s;
  s.listenerPort = 0;
  s.servers = std::move(servers);
  return s;
}

std::shared_ptr<LateralTransport> transport(std::uint64_t process, const LateralSettings& settings) {
  auto made = LateralTransport::open(settings, process, nullptr);
  REQUIRE(made.ok());
  return *made;
}

struct Heard {
  std::mutex mutex;
  std::vector<std::string> messages;
  std::vector<EventSource> others;
  std::atomic<int> announcements{0};
  EventSink sink() {
    EventSink s;
    s.message = [this](const std::string& source, int, std::uint64_t number, const Bytes& payload,
                       bool local) {
      if (local) return;
      std::lock_guard lock(mutex);
      messages.push_back(source + " " + std::to_string(number) + " " + payload);
    };
    s.announcement = [this](const std::string&, const Bytes&) { ++announcements; };
    s.members = [this](std::vector<EventSource> now) {
      std::lock_guard lock(mutex);
      others = std::move(now);
    };
    return s;
  }
  std::size_t count() {
    std::lock_guard lock(mutex);
    return messages.size();
  }
};

std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

TEST_CASE("frames and discovery packets come back; cut off and foreign ones are errors") {
  LateralFrame hello;
  hello.process = 7;
  hello.port = 57462;
  CHECK(LateralFrame::decode(hello.encode())->port == 57462);
  LateralFrame event;
  event.kind = Kind::kEvent;
  event.number = 9;
  event.payload = "payload";
  const auto back = LateralFrame::decode(event.encode());
  CHECK(back->number == 9);
  CHECK(back->payload == "payload");
  CHECK_FALSE(LateralFrame::decode("").ok());
  CHECK_FALSE(LateralFrame::decode("\x04").ok());
  CHECK_FALSE(LateralFrame::decode("\x02 123").ok());
  CHECK_FALSE(LateralFrame::decode(hello.encode() + "x").ok());
  CHECK(hello.encode().size() <= kMaxHello);

  DiscoveryPacket packet;
  packet.process = 7;
  packet.port = 1;
  packet.addresses = {"10.0.0.1", "fd00::1"};
  const Bytes bytes = packet.encode();
  CHECK(DiscoveryPacket::decode(bytes)->addresses == packet.addresses);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_FALSE(DiscoveryPacket::decode(bytes.substr(0, n)).ok());
  packet.addresses = {"example.org"};
  CHECK_FALSE(DiscoveryPacket::decode(packet.encode()).ok());
  packet.addresses.assign(kMaxDiscoveryAddresses + 1, "10.0.0.1");
  CHECK_FALSE(DiscoveryPacket::decode(packet.encode()).ok());
}

TEST_CASE("it listens beyond this machine only where that is configured") {
  LateralSettings s;
  CHECK(bindAddress(s) == "127.0.0.1");
  s.servers = {"127.0.0.1:1", "localhost:2"};
  CHECK(bindAddress(s) == "127.0.0.1");
  s.servers.push_back("10.0.0.1:1");
  CHECK(bindAddress(s) == "0.0.0.0");
  s.listenerHost = "10.0.0.2";
  CHECK(bindAddress(s) == "10.0.0.2");
  s = {};
  s.discovery = true;
  CHECK(bindAddress(s) == "0.0.0.0");
}

TEST_CASE("events reach every other process once, in order, whoever dialled") {
  Heard ha, hb;
  auto a = transport(1, onLoopback({"127.0.0.1:1"}));  // nobody is there; b's address may connect
  a->start(ha.sink());
  auto b = transport(2, onLoopback({at(a->port())}));
  b->start(hb.sink());
  a->found("127.0.0.1", b->port());   // now both dial each other
  a->found("127.0.0.1", a->port());   // and a itself, as when all nodes are listed
  REQUIRE(eventually([&] { return a->connected() == 1 && b->connected() == 1; }));
  for (int i = 0; i < 200; ++i) {
    CHECK(a->publish(0, "a" + std::to_string(i)).ok());
    CHECK(b->publish(0, "b" + std::to_string(i)).ok());
  }
  CHECK(a->announce("x").ok());
  REQUIRE(eventually([&] { return ha.count() == 200 && hb.count() == 200 && hb.announcements == 1; }));
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(i + 1) + " ";
    CHECK(ha.messages[static_cast<std::size_t>(i)] == "lateral-2 " + n + "b" + std::to_string(i));
    CHECK(hb.messages[static_cast<std::size_t>(i)] == "lateral-1 " + n + "a" + std::to_string(i));
  }
  {
    std::lock_guard lock(hb.mutex);
    REQUIRE(hb.others.size() == 1);
    CHECK(hb.others[0].address == at(a->port()));
  }
  CHECK(a->announce("last").ok());
  a->stop();
  CHECK(eventually([&] { return hb.announcements == 2 && b->connected() == 0; }));
  {
    std::lock_guard lock(hb.mutex);
    CHECK(hb.others.empty());
  }
  b->stop();
}

TEST_CASE("a node that comes back is dialled again") {
  Heard ha, hb, hc;
  auto a = transport(1, onLoopback({"127.0.0.1:1"}));
  a->start(ha.sink());
  LateralSettings settings = onLoopback({at(a->port())});
  auto b = transport(2, settings);
  b->start(hb.sink());
  REQUIRE(eventually([&] { return a->connected() == 1; }));
  const std::uint16_t port = b->port();
  b->stop();
  b.reset();
  REQUIRE(eventually([&] { return a->connected() == 0; }));
  CHECK(a->publish(0, "lost").ok());
  settings.listenerPort = port;
  auto c = transport(3, settings);
  c->start(hc.sink());
  REQUIRE(eventually([&] { return a->connected() == 1; }));
  CHECK(a->publish(0, "heard").ok());
  REQUIRE(eventually([&] { return hc.count() == 1; }));
  CHECK(hc.messages[0] == "lateral-1 2 heard");
  a->stop();
  c->stop();
}

TEST_CASE("strangers and rubbish are closed") {
  Heard ha;
  LateralSettings nobody = onLoopback({"10.9.9.9:1"});  // an address that is not this machine's
  nobody.listenerHost = "127.0.0.1";
  auto a = transport(1, nobody);
  a->start(ha.sink());
  auto open = transport(2, onLoopback({"127.0.0.1:1"}));
  Heard ho;
  open->start(ho.sink());
  net::Shard shard(0, "client");
  const auto closedAfter = [&](std::uint16_t port, Bytes bytes) {
    std::atomic<bool> closed{false};
    shard.runAndWait([&] {
      net::Stream::connect(shard, "127.0.0.1", port, {}, 5'000, {},
                           [&, bytes](Result<std::shared_ptr<net::Stream>> made) {
                             if (!made.ok()) return void(closed = true);
                             (*made)->sendRaw(kLateralMagic);
                             (*made)->sendRaw(bytes);
                             (*made)->start([](BytesView) {},
                                            [&](net::CloseReason, const std::string&) { closed = true; });
                           });
    });
    return eventually([&] { return closed.load(); });
  };
  LateralFrame hello, event;
  hello.process = 9;
  event.kind = Kind::kEvent;
  const auto framed = [](const Bytes& bytes) {
    ByteWriter out;
    out.blob(bytes);
    return out.take();
  };
  CHECK(closedAfter(a->port(), ""));                          // not in TcpServers
  CHECK(closedAfter(open->port(), framed("rubbish")));
  CHECK(closedAfter(open->port(), framed(event.encode())));   // no hello before
  CHECK(closedAfter(open->port(), Bytes("\x7f\xff\xff\xff", 4)));  // a huge frame
  CHECK(closedAfter(open->port(), framed(hello.encode()) + framed(hello.encode())));
  CHECK(ho.count() == 0);
  shard.stop();
  a->stop();
  open->stop();
}

TEST_CASE("Receive=false sends only") {
  Heard ha, hb;
  auto a = transport(1, onLoopback({"127.0.0.1:1"}));
  a->start(ha.sink());
  LateralSettings deaf = onLoopback({at(a->port())});
  deaf.receive = false;
  auto b = transport(2, deaf);
  CHECK(b->port() == 0);
  b->start(hb.sink());
  REQUIRE(eventually([&] { return a->connected() == 1 && b->connected() == 1; }));
  CHECK(a->publish(0, "x").ok());
  CHECK(b->publish(0, "y").ok());
  REQUIRE(eventually([&] { return ha.count() == 1; }));
  CHECK(hb.count() == 0);
  a->stop();
  b->stop();
}

TEST_CASE("what is too large or too much is refused, which is a loss that is told") {
  Heard h;
  auto a = transport(1, onLoopback({}));
  a->start(h.sink());
  CHECK(a->publish(0, Bytes(kMaxLateralFrame, 'x')).error().code == Code::kNetTooLarge);
  a->stop();
}

TEST_CASE("the service over the lateral connection: removed there, flushed after a loss, end told") {
  struct Side {
    std::shared_ptr<LateralTransport> way;
    std::unique_ptr<Regions> regions;
    std::unique_ptr<CacheEventsService> service;
    Side(std::uint64_t process, const LateralSettings& settings) : way(transport(process, settings)) {
      regions = std::make_unique<Regions>(CacheSettings{});
      EventSettings s;
      s.senderId = "s" + std::to_string(process);
      s.process = process;
      s.topicCount = 1;
      s.announceMillis = 50;
      s.receiver.repairMillis = 60'000;
      s.regions = [r = regions.get()] { return r->clusterWideRegions(); };
      service = std::make_unique<CacheEventsService>(way, s);
      regions->attach(std::shared_ptr<services::CacheEvents>(service.get(), [](auto*) {}));
    }
    ~Side() {
      service->stop();
      regions->close();
    }
  };
  auto a = std::make_unique<Side>(1, onLoopback({"127.0.0.1:1"}));
  auto b = std::make_unique<Side>(2, onLoopback({at(a->way->port())}));
  REQUIRE(eventually([&] { return a->way->connected() == 1 && b->way->connected() == 1; }));
  auto here = a->regions->region("R"), there = b->regions->region("R");
  there->put(services::flatKey(1), "v");
  there->put(services::flatKey(2), "v");
  here->invalidate({{1, {}}});
  CHECK(eventually([&] { return !there->get(services::flatKey(1)).has_value(); }));
  CHECK(there->get(services::flatKey(2)).has_value());
  CHECK(b->service->counters().clearedAll == 0);
  // A third one hears for the first time of a node that has numbers already.
  auto c = std::make_unique<Side>(3, onLoopback({at(a->way->port()), at(b->way->port())}));
  CHECK(eventually([&] { return c->service->counters().clearedAll == 1; }));
  c.reset();
  a.reset();
  b.reset();
}

TEST_CASE("a node with the other setting is heard on the grid and warned of") {
  auto topic = std::make_shared<test::FakeTopic>(kAnnouncementTopic);
  std::atomic<int> told{0};
  const auto counting = topic->subscribe([&](const services::TopicMessage& m) {
    if (m.local) ++told;
  });
  auto made = LateralTransport::open(onLoopback({}), 1, topic);
  REQUIRE(made.ok());
  EventSettings s;
  s.topicCount = 1;
  CacheEventsService service(*made, s);
  const std::uint64_t before = log::warnCount();
  Announcement said;
  said.process = 5;
  said.topicCount = 5;
  topic->deliver({said.encode(), "m2", 1, 0, false});
  said.lateral = true;
  topic->deliver({said.encode(), "m3", 1, 0, false});
  CHECK(eventually([&] { return told > 0; }));  // ours is told there, too
  service.stop();
  CHECK(log::warnCount() == before + 1);
}
