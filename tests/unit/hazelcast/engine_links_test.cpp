#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <mutex>

#include "base/log.h"
#include "engine_fixture.h"
#include "member_protocol/message.h"

using namespace ox;
using namespace ox::grid;
using namespace ox::grid::test;

namespace {
// Collects what is logged while it lives.
class LogTap {
 public:
  LogTap() {
    former_ = log::setObserver([this](log::Level level, std::string_view text) {
      if (former_) former_(level, text);
      std::lock_guard lock(mutex_);
      lines_.emplace_back(text);
    });
  }
  ~LogTap() { log::setObserver(former_); }
  int count(const std::string& a, const std::string& b) {
    std::lock_guard lock(mutex_);
    int n = 0;
    for (const auto& l : lines_)
      n += l.find(a) != std::string::npos && l.find(b) != std::string::npos ? 1 : 0;
    return n;
  }

 private:
  log::Observer former_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

std::uint64_t refused(Engine& e, const std::string& reason) {
  for (const auto& [name, n] : e.figures().refused)
    if (name == reason) return n;
  return 0;
}

// A plain client socket: bytes in, then whether the other side closed.
class Raw {
 public:
  explicit Raw(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    ok_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
    const timeval limit{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Raw() { ::close(fd_); }
  bool ok() const { return ok_; }
  void send(const Bytes& bytes) { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  bool closedByPeer() {
    char buffer[4096];
    for (;;) {
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n == 0) return true;
      if (n < 0) return errno == ECONNRESET;
    }
  }

 private:
  int fd_;
  bool ok_ = false;
};
}  // namespace

TEST_CASE("a foreign cluster name is refused and logged on both sides, once") {
  LogTap tap;
  const std::uint16_t port = freePorts(2);
  const auto second = static_cast<std::uint16_t>(port + 1);
  auto a = startNode(configFor(port, {}));
  GridConfig other = configFor(second, {port});
  other.clusterName = "other-10.1";
  auto b = startNode(other);
  REQUIRE(eventually([&] { return refused(*a->engine, "cluster-name") >= 3; }));
  REQUIRE(eventually([&] { return refused(*b->engine, "cluster-name") >= 3; }));
  REQUIRE(eventually([&] { return isWhole(*a, 1) && isWhole(*b, 1); }));
  const std::string names = "cluster name \"other-10.1\"";
  CHECK(tap.count("refused by us", names) == 1);
  CHECK(tap.count("refused by the other side", names) == 1);
}

TEST_CASE("a wrong password is refused on both sides; the right one joins") {
  Cluster cluster(2, [](GridConfig& c) { c.password = "geheim"; });
  REQUIRE(eventually([&] { return cluster.whole(); }));
  GridConfig c = configFor(freePorts(1), {cluster.ports[0]});
  c.password = "falsch";
  auto stranger = startNode(c);
  REQUIRE(eventually([&] { return refused(*stranger->engine, "password") >= 1; }));
  CHECK(eventually([&] { return refused(cluster[0], "password") >= 1; }));
  CHECK(eventually([&] { return isWhole(*stranger, 1); }));
  CHECK(cluster[0].state().members.size() == 2);
}

TEST_CASE("another partition count is refused") {
  const std::uint16_t port = freePorts(2);
  auto a = startNode(configFor(port, {}));
  GridConfig c = configFor(static_cast<std::uint16_t>(port + 1), {port});
  c.partitionCount = 137;
  auto b = startNode(c);
  CHECK(eventually([&] { return refused(*b->engine, "partition-count") >= 1; }));
  CHECK(eventually([&] { return refused(*a->engine, "partition-count") >= 1; }));
}

TEST_CASE("garbage on the port is closed and counted, and the member goes on") {
  auto node = startNode(configFor(freePorts(1), {}));
  REQUIRE(eventually([&] { return isWhole(*node, 1); }));
  const std::uint16_t port = node->engine->address().port;
  for (const Bytes& first : {Bytes("GET / HTTP/1.1\r\n\r\n"), Bytes("CP2"), Bytes("\x16\x03\x01")}) {
    Raw raw(port);
    REQUIRE(raw.ok());
    raw.send(first);
    CHECK(raw.closedByPeer());
  }
  CHECK(eventually([&] { return node->engine->figures().unknownProtocol == 2; }));
  CHECK(eventually([&] { return refused(*node->engine, "encryption") == 1; }));  // TLS, here not
  {
    Raw raw(port);  // our magic, then a length no handshake frame has
    raw.send(Bytes(kMagic) + Bytes("\x7f\xff\xff\xff....", 8));
    CHECK(raw.closedByPeer());
  }
  {
    Raw raw(port);  // a frame, but no hello
    raw.send(Bytes(kMagic) + Bytes("\0\0\0\2xx", 6));
    CHECK(raw.closedByPeer());
  }
  CHECK(eventually([&] { return refused(*node->engine, "bad-message") == 2; }));
  CHECK(node->engine->map("m")->set(toData("k"), toData("v")).ok());
}

TEST_CASE("the port is taken: the next one with auto-increment, an error without") {
  const std::uint16_t port = freePorts(2);
  auto a = startNode(configFor(port, {}));
  GridConfig c = configFor(port, {});
  CHECK_THROWS_WITH(startNode(c), doctest::Contains("NET-0006"));
  c.portTries = 5;
  auto b = startNode(c);
  CHECK(b->engine->address().port > port);
}
