#include "net/acceptor.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/check.h"
#include "base/log.h"

namespace ox::net {
namespace {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::int64_t kAcceptPauseMillis = 100;  // after EMFILE and the like

// One connection whose protocol is not known yet.
struct Undecided {
  explicit Undecided(tcp::socket s) : socket(std::move(s)) {}
  tcp::socket socket;
  char first[16];
  std::size_t have = 0;
  std::uint64_t timer = 0;
  std::string remote;
};
}  // namespace

struct Acceptor::Impl : std::enable_shared_from_this<Acceptor::Impl> {
  Impl(Shard& s, std::vector<Protocol> p)
      : shard(s), listener(s.loop()), protocols(std::move(p)) {}

  Shard& shard;
  tcp::acceptor listener;
  const std::vector<Protocol> protocols;
  std::uint16_t port = 0;
  Counters counters;
  std::atomic<bool> closing{false};
  bool closed = false;
  std::unordered_map<std::uint64_t, std::shared_ptr<Undecided>> undecided;

  void accept();
  void add(tcp::socket socket);
  void readMore(const std::shared_ptr<Undecided>& u);
  void drop(const std::shared_ptr<Undecided>& u, std::atomic<std::uint64_t>& counter);
  void close();
};

void Acceptor::Impl::accept() {
  if (closed) return;
  listener.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
    if (self->closed) return;
    if (!error) {
      self->add(std::move(socket));
      self->accept();
      return;
    }
    if (error != asio::error::connection_aborted)
      log::warn("cannot accept a connection on port " + std::to_string(self->port) + ": " +
                error.message());
    self->shard.runAfter(kAcceptPauseMillis, [self] { self->accept(); });
  });
}

void Acceptor::Impl::add(tcp::socket socket) {
  ++counters.accepted;
  if (undecided.size() >= kMaxUndecided) {
    ++counters.tooMany;
    return;
  }
  auto u = std::make_shared<Undecided>(std::move(socket));
  error_code error;
  const auto remote = u->socket.remote_endpoint(error);
  if (error) return;
  u->remote = remote.address().to_string() + ":" + std::to_string(remote.port());
  u->timer = shard.runAfter(kDecideMillis, [self = shared_from_this(), u] {
    self->drop(u, self->counters.silent);
  });
  undecided.emplace(u->timer, u);
  readMore(u);
}

void Acceptor::Impl::readMore(const std::shared_ptr<Undecided>& u) {
  // Exactly as many bytes as the shortest protocol needs that is still possible.
  std::size_t need = std::numeric_limits<std::size_t>::max();
  const std::string_view got(u->first, u->have);
  for (const Protocol& p : protocols) {
    if (!p.magic.starts_with(got)) continue;
    if (p.magic.size() == u->have) {
      shard.cancelTimer(u->timer);
      undecided.erase(u->timer);
      error_code error;
      const int fd = u->socket.release(error);
      if (!error) p.accepted(Detached(fd, p.keep ? Bytes(got) : Bytes()), u->remote);
      return;
    }
    need = std::min(need, p.magic.size() - u->have);
  }
  if (need == std::numeric_limits<std::size_t>::max()) return drop(u, counters.unknownProtocol);
  u->socket.async_read_some(asio::buffer(u->first + u->have, need),
                            [self = shared_from_this(), u](const error_code& error, std::size_t n) {
                              if (self->closed || !self->undecided.contains(u->timer)) return;
                              if (error) return self->drop(u, self->counters.silent);
                              u->have += n;
                              self->readMore(u);
                            });
}

void Acceptor::Impl::drop(const std::shared_ptr<Undecided>& u, std::atomic<std::uint64_t>& counter) {
  if (undecided.erase(u->timer) == 0) return;
  ++counter;
  shard.cancelTimer(u->timer);
  error_code ignored;
  u->socket.close(ignored);
}

void Acceptor::Impl::close() {
  if (closed) return;
  closed = true;
  error_code ignored;
  listener.close(ignored);
  for (auto& [timer, u] : undecided) {
    shard.cancelTimer(timer);
    u->socket.close(ignored);
  }
  undecided.clear();
}

Result<std::unique_ptr<Acceptor>> Acceptor::open(Shard& shard, const std::string& host,
                                                 std::uint16_t port, int tries,
                                                 std::vector<Protocol> protocols) {
  for (const Protocol& p : protocols)
    OX_CHECK(!p.magic.empty() && p.magic.size() <= sizeof(Undecided::first));
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return Error(Code::kNetBind, "\"" + host + "\" is not an address of this machine");
  auto impl = std::make_shared<Impl>(shard, std::move(protocols));
  const int last = port == 0 ? 0 : std::min(65535, port + std::max(tries, 1) - 1);
  for (int p = port; p <= last; ++p) {
    const tcp::endpoint where(address, static_cast<std::uint16_t>(p));
    error_code ignored;
    impl->listener.close(ignored);
    impl->listener.open(where.protocol(), error);
    // So that a restarted node gets its port back while old connections linger.
    if (!error) impl->listener.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) impl->listener.bind(where, error);
    if (!error) impl->listener.listen(asio::socket_base::max_listen_connections, error);
    if (!error) {
      impl->port = impl->listener.local_endpoint(error).port();
      shard.post([impl] { impl->accept(); });
      return std::unique_ptr<Acceptor>(new Acceptor(impl));
    }
    if (error != asio::error::address_in_use) break;
  }
  return Error(Code::kNetBind, "cannot listen on " + host + " port " + std::to_string(port) +
                                   (last > port ? ".." + std::to_string(last) : std::string()) +
                                   ": " + error.message());
}

Acceptor::Acceptor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Acceptor::~Acceptor() { close(); }

std::uint16_t Acceptor::port() const { return impl_->port; }
const Acceptor::Counters& Acceptor::counters() const { return impl_->counters; }
void Acceptor::close() {
  if (impl_->closing.exchange(true)) return;
  impl_->shard.runAndWait([impl = impl_] { impl->close(); });
}

}  // namespace ox::net
