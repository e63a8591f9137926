#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "net/acceptor.h"
#include "net/stream.h"

using namespace ox;
using namespace ox::net;

namespace {
// An acceptor for "AAAA" that hands each connection to `next`.
struct Server {
  Shard shard{0, "server"};
  std::promise<Detached> first;
  std::unique_ptr<Acceptor> acceptor;
  Server() {
    auto opened = Acceptor::open(shard, "127.0.0.1", 0, 1,
                                 {{"AAAA", [this](Detached d, const std::string&) {
                                     first.set_value(std::move(d));
                                   }}});
    acceptor = std::move(opened.value());
  }
};

std::shared_ptr<Stream> dial(Shard& shard, std::uint16_t port, Stream::Limits limits = {}) {
  std::promise<Result<std::shared_ptr<Stream>>> answer;
  shard.post([&] {
    Stream::connect(shard, "127.0.0.1", port, "", 5000, limits,
                    [&](auto r) { answer.set_value(std::move(r)); });
  });
  auto r = answer.get_future().get();
  return r ? r.value() : nullptr;
}

int rawClient(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  return fd;
}
}  // namespace

TEST_CASE("frames arrive whole and in order, also across a change of shards") {
  Server server;
  Shard client(1, "client"), other(2, "other");
  const auto out = dial(client, server.acceptor->port());
  REQUIRE(out);
  constexpr int kFrames = 500;
  client.runAndWait([&] {
    out->start([](BytesView) {}, [](CloseReason, const std::string&) {});
    out->sendRaw("AAAA");
    for (int i = 0; i < kFrames; ++i)
      out->send(Bytes(static_cast<std::size_t>(1 + i * 37 % 5000), static_cast<char>('a' + i % 26)));
    out->send(Bytes(3 << 20, 'z'));
  });
  Detached connection = server.first.get_future().get();
  REQUIRE(connection.valid());
  // The first 10 frames are read on the server's shard, the rest on another one.
  std::vector<std::size_t> sizes;
  std::promise<Detached> moved;
  std::promise<void> complete;
  std::shared_ptr<Stream> in;
  server.shard.runAndWait([&] {
    in = Stream::adopt(server.shard, std::move(connection), {});
    in->start(
        [&](BytesView f) {
          sizes.push_back(f.size());
          if (sizes.size() == 10) moved.set_value(in->detach());
        },
        [](CloseReason, const std::string&) {});
  });
  Detached again = moved.get_future().get();
  REQUIRE(again.valid());
  std::shared_ptr<Stream> rest;
  other.runAndWait([&] {
    rest = Stream::adopt(other, std::move(again), {});
    rest->start(
        [&](BytesView f) {
          sizes.push_back(f.size());
          if (f.size() == (3u << 20)) complete.set_value();
        },
        [](CloseReason, const std::string&) {});
  });
  complete.get_future().get();
  REQUIRE(sizes.size() == kFrames + 1);
  for (int i = 0; i < kFrames; ++i)
    CHECK(sizes[static_cast<std::size_t>(i)] == static_cast<std::size_t>(1 + i * 37 % 5000));
  other.runAndWait([&] { rest->close(); });
  client.runAndWait([&] { out->close(); });
}

TEST_CASE("a frame beyond the limit closes the stream as protocol error") {
  Server server;
  const int fd = rawClient(server.acceptor->port());
  REQUIRE(::send(fd, "AAAA\x7f\xff\xff\xff", 8, 0) == 8);
  std::promise<CloseReason> closed;
  Detached d = server.first.get_future().get();
  std::shared_ptr<Stream> in;
  server.shard.runAndWait([&] {
    in = Stream::adopt(server.shard, std::move(d), {1000, 1000});
    in->start([](BytesView) { FAIL("no frame was sent"); },
              [&](CloseReason why, const std::string&) { closed.set_value(why); });
  });
  CHECK(closed.get_future().get() == CloseReason::kProtocol);
  ::close(fd);
}

TEST_CASE("a peer that does not read overflows the bounded queue, and only its own stream") {
  Server server;
  const int fd = rawClient(server.acceptor->port());
  REQUIRE(::send(fd, "AAAA", 4, 0) == 4);
  std::promise<CloseReason> closed;
  Detached d = server.first.get_future().get();
  std::shared_ptr<Stream> out;
  server.shard.runAndWait([&] {
    out = Stream::adopt(server.shard, std::move(d), {1u << 20, 4u << 20});
    out->start([](BytesView) {},
               [&](CloseReason why, const std::string&) { closed.set_value(why); });
    const Bytes frame(100 << 10, 'x');
    int sent = 0;
    while (sent < 1000 && out->send(frame)) ++sent;
    CHECK(sent < 50);  // 4 MiB
  });
  CHECK(closed.get_future().get() == CloseReason::kOverflow);
  ::close(fd);
}

TEST_CASE("the end of the peer is reported once, after what it sent") {
  Server server;
  const int fd = rawClient(server.acceptor->port());
  REQUIRE(::send(fd, "AAAA\0\0\0\2hi", 10, 0) == 10);
  ::close(fd);
  Detached d = server.first.get_future().get();
  std::promise<CloseReason> closed;
  std::string got;
  std::shared_ptr<Stream> in;
  server.shard.runAndWait([&] {
    in = Stream::adopt(server.shard, std::move(d), {});
    in->start([&](BytesView f) { got += f; },
              [&](CloseReason why, const std::string&) { closed.set_value(why); });
  });
  CHECK(closed.get_future().get() == CloseReason::kPeer);
  CHECK(got == "hi");
}

TEST_CASE("nobody listens: refused, not thrown") {
  Shard shard(0, "t");
  std::uint16_t port = 0;
  {
    const auto probe = Acceptor::open(shard, "127.0.0.1", 0, 1, {});
    port = (*probe)->port();
  }
  CHECK(dial(shard, port) == nullptr);
}

TEST_CASE("acceptor: auto-increment, a taken port, a foreign address") {
  Shard shard(0, "t");
  const auto first = Acceptor::open(shard, "127.0.0.1", 0, 1, {});
  REQUIRE(first.ok());
  const std::uint16_t port = (*first)->port();
  const auto taken = Acceptor::open(shard, "127.0.0.1", port, 1, {});
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().code == Code::kNetBind);
  CHECK(taken.error().message.find(std::to_string(port)) != std::string::npos);
  if (port < 65500) {
    const auto next = Acceptor::open(shard, "127.0.0.1", port, 30, {});
    REQUIRE(next.ok());
    CHECK((*next)->port() > port);
  }
  CHECK_FALSE(Acceptor::open(shard, "192.0.2.1", 0, 1, {}).ok());
}

namespace {
// Two neighbouring ports that nothing uses at this moment, below the ephemeral range.
std::uint16_t freePair() {
  Shard shard(-1, "probe");
  for (int p = 21000 + static_cast<int>(::getpid() % 500) * 20;; p += 2)
    if (Acceptor::open(shard, "127.0.0.1", static_cast<std::uint16_t>(p), 1, {}).ok() &&
        Acceptor::open(shard, "127.0.0.1", static_cast<std::uint16_t>(p + 1), 1, {}).ok())
      return static_cast<std::uint16_t>(p);
}
// A listener that takes whatever comes and keeps it.
struct Sink {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  std::uint16_t port = 0;
  Sink() {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
    REQUIRE(::listen(fd, 10) == 0);
    socklen_t n = sizeof a;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n);
    port = ntohs(a.sin_port);
  }
  ~Sink() { ::close(fd); }
  std::uint16_t acceptFrom() {
    sockaddr_in a{};
    socklen_t n = sizeof a;
    const int in = ::accept(fd, reinterpret_cast<sockaddr*>(&a), &n);
    kept.push_back(in);
    return ntohs(a.sin_port);
  }
  std::vector<int> kept;
};
Result<std::shared_ptr<Stream>> dialFrom(Shard& shard, std::uint16_t port, const Source& source) {
  std::promise<Result<std::shared_ptr<Stream>>> answer;
  shard.post([&] {
    Stream::connect(shard, "127.0.0.1", port, source, 5000, Stream::Limits{},
                    [&](auto r) { answer.set_value(std::move(r)); });
  });
  return answer.get_future().get();
}
}  // namespace

TEST_CASE("dials leave from the given source ports only; an exhausted range says so") {
  Shard shard(0, "client");
  Sink one, two;
  const std::uint16_t first = freePair();
  const auto ports = std::make_shared<SourcePorts>(
      std::vector<PortRange>{{first, static_cast<std::uint16_t>(first + 1)}});
  const Source source("127.0.0.1", ports);
  const auto a = dialFrom(shard, one.port, source), b = dialFrom(shard, one.port, source);
  REQUIRE(a);
  REQUIRE(b);
  const auto fromA = one.acceptFrom(), fromB = one.acceptFrom();
  CHECK(std::min(fromA, fromB) == first);
  CHECK(std::max(fromA, fromB) == first + 1);
  // Both ports lead to another target as well, but not a third time to the first one.
  const auto c = dialFrom(shard, two.port, source);
  REQUIRE(c);
  CHECK(two.acceptFrom() >= first);
  const auto d = dialFrom(shard, one.port, source);
  REQUIRE(!d);
  CHECK(d.error().code == Code::kBusy);
  CHECK(d.error().message.find(ports->text()) != std::string::npos);
  CHECK(ports->exhausted() == 1);
  shard.runAndWait([&] {
    for (const auto* s : {&a, &b, &c}) s->value()->close();
  });
}

TEST_CASE("a dial from the port that it goes to does not meet itself") {
  Shard shard(0, "client");
  const std::uint16_t port = freePair();
  const auto ports = std::make_shared<SourcePorts>(
      std::vector<PortRange>{{port, static_cast<std::uint16_t>(port + 1)}});
  for (int i = 0; i < 4; ++i) {
    const auto r = dialFrom(shard, port, Source("127.0.0.1", ports));
    REQUIRE(!r);
    CHECK(r.error().code == Code::kNetRefused);
  }
}

TEST_CASE("nobody listens is refused; an address that cannot be used is not") {
  Shard shard(0, "client");
  const auto refused = dialFrom(shard, freePair(), "");
  REQUIRE(!refused);
  CHECK(refused.error().code == Code::kNetRefused);
  std::promise<Code> answer;
  shard.post([&] {
    Stream::connect(shard, "fe80::1%nowhere", 1, "", 1000, Stream::Limits{},
                    [&](auto r) { answer.set_value(r.error().code); });
  });
  CHECK(answer.get_future().get() == Code::kNetClosed);
}

TEST_CASE("nobody takes the connection: given up when the time is over") {
  // A listener whose queue is full: the kernel drops further requests in silence.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  socklen_t size = sizeof a;
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&a), &size) == 0);
  const int waiting = rawClient(ntohs(a.sin_port));
  Shard shard(0, "client");
  std::promise<Code> answer;
  auto future = answer.get_future();
  shard.post([&] {
    Stream::connect(shard, "127.0.0.1", ntohs(a.sin_port), "", 200, Stream::Limits{},
                    [&](auto r) { answer.set_value(r ? Code::kInternal : r.error().code); });
  });
  REQUIRE(future.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  CHECK(future.get() == Code::kNetTimeout);
  ::close(waiting);
  ::close(listener);
}

TEST_CASE("a raw stream hands out what has arrived, and takes no more than its queue holds") {
  Server server;
  const int fd = rawClient(server.acceptor->port());
  const std::string said = std::string("AAAA\0\0\0\0", 8) + "no frame";
  REQUIRE(::send(fd, said.data(), said.size(), 0) == static_cast<ssize_t>(said.size()));
  Detached connection = server.first.get_future().get();
  Stream::Limits limits;
  limits.raw = true;
  limits.queuedBytes = 1000;
  std::shared_ptr<Stream> stream;
  std::string heard;
  std::promise<void> all;
  std::promise<CloseReason> closed;
  server.shard.runAndWait([&] {
    stream = Stream::adopt(server.shard, std::move(connection), limits);
    stream->start(
        [&](BytesView bytes) {
          heard.append(bytes);
          if (heard.size() == said.size() - 4) all.set_value();
        },
        [&](CloseReason why, const std::string&) { closed.set_value(why); });
  });
  REQUIRE(all.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  CHECK(heard == said.substr(4));
  server.shard.runAndWait([&] {
    CHECK(stream->sendRaw("answer"));
    CHECK_FALSE(stream->sendRaw(Bytes(1000, 'x')));
  });
  auto why = closed.get_future();
  REQUIRE(why.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  CHECK(why.get() == CloseReason::kOverflow);
  ::close(fd);
}
