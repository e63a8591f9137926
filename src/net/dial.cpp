#include "net/dial.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace ox::net {
namespace {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// One dial: with a choice of source ports it goes on to the next one while a port is taken.
struct Attempt : std::enable_shared_from_this<Attempt> {
  explicit Attempt(Shard& s) : shard(s), socket(s.loop()) {}
  Shard& shard;
  tcp::socket socket;
  tcp::endpoint target;
  Source from;
  std::string name;
  std::function<void(Result<Detached>)> done;
  std::uint64_t timer = 0;
  std::size_t place = 0, tries = 0;

  void answer(Result<Detached> result) {
    if (!done) return;
    if (timer != 0) shard.cancelTimer(timer);
    const auto once = std::exchange(done, nullptr);
    once(std::move(result));
  }
  void fail(const error_code& error) {
    // Only this says that nobody listens there; everything else may be our own trouble.
    answer(Error(error == asio::error::connection_refused ? Code::kNetRefused : Code::kNetClosed,
                 name + ": " + error.message()));
  }
  void failLater(const error_code& error) {
    shard.post([self = shared_from_this(), error] { self->fail(error); });
  }
  static bool taken(const error_code& error) {
    return error == asio::error::address_in_use ||
           error == boost::system::errc::address_not_available;
  }
  // False when every source port has been tried.
  bool nextPort(std::uint16_t& port) {
    const std::size_t most = std::min(from.ports->size(), SourcePorts::kMaxTries);
    while (tries < most) {
      port = from.ports->at(place + tries++);
      // From the port it goes to on this machine, a dial would meet itself.
      if (port != target.port()) return true;
    }
    from.ports->noteExhausted();
    shard.post([self = shared_from_this()] {
      self->answer(Error(Code::kBusy, "no free source port towards " + self->name + " in " +
                                          self->from.ports->text()));
    });
    return false;
  }
  bool bind(error_code& error) {
    std::uint16_t port = 0;
    error_code bad;
    auto local = asio::ip::make_address(from.host, bad);
    // Only to leave by the chosen interface; the system chooses when that cannot be.
    const bool chosen = !bad && !local.is_unspecified() && local.is_v4() == target.address().is_v4();
    if (!chosen) local = target.address().is_v4() ? asio::ip::address(asio::ip::address_v4::any())
                                                  : asio::ip::address(asio::ip::address_v6::any());
    if (from.ports == nullptr) {
      if (chosen) socket.bind(tcp::endpoint(local, 0), bad);
      return true;
    }
    // One port may lead to many targets; the same pair twice is refused when connecting.
    socket.set_option(asio::socket_base::reuse_address(true), bad);
    while (nextPort(port)) {
      socket.bind(tcp::endpoint(local, port), error);
      if (!error) return true;
      if (error == boost::system::errc::address_not_available) return failLater(error), false;
    }
    return false;
  }
  void go() {
    error_code error;
    if (socket.is_open()) socket.close(error);
    socket.open(target.protocol(), error);
    if (error) return failLater(error);
    if (!bind(error)) return;
    socket.async_connect(target, [self = shared_from_this()](const error_code& failed) {
      if (!self->done) return;
      if (self->from.ports && taken(failed)) return self->go();
      if (failed) return self->fail(failed);
      error_code lost;
      const int fd = self->socket.release(lost);
      if (lost) return self->fail(lost);
      self->answer(Detached(fd, Bytes()));
    });
  }
};
}  // namespace

void dialTcp(Shard& shard, const std::string& host, std::uint16_t port, const Source& from,
             std::int64_t timeoutMillis, std::function<void(Result<Detached>)> done) {
  auto attempt = std::make_shared<Attempt>(shard);
  attempt->name = host + ":" + std::to_string(port);
  attempt->from = from;
  if (from.ports) attempt->place = from.ports->begin();
  attempt->done = std::move(done);
  error_code error;
  attempt->target = tcp::endpoint(asio::ip::make_address(host, error), port);
  if (error) return attempt->failLater(error);
  attempt->timer = shard.runAfter(timeoutMillis, [attempt] {
    error_code ignored;
    attempt->socket.close(ignored);
    attempt->answer(Error(Code::kNetTimeout, attempt->name + " did not answer in time"));
  });
  attempt->go();
}

}  // namespace ox::net
