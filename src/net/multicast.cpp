#include "net/multicast.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/udp.hpp>

namespace ox::net {
namespace {
namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
constexpr std::int64_t kPauseMillis = 100;  // after a failed read
}  // namespace

struct Multicast::Impl : std::enable_shared_from_this<Multicast::Impl> {
  explicit Impl(Shard& s) : shard(s), socket(s.loop()) {}

  Shard& shard;
  udp::socket socket;
  udp::endpoint target, from;
  std::vector<asio::ip::address_v4> interfaces;
  OnPacket onPacket;
  char buffer[kMaxDatagram];
  const Clock* clock = nullptr;
  std::int64_t second = INT64_MIN / 2;
  int inSecond = 0;
  std::atomic<std::uint64_t> dropped{0};

  std::string open(const Options& options);
  void receive();
};

std::string Multicast::Impl::open(const Options& options) {
  error_code error;
  const auto group = asio::ip::make_address_v4(options.group, error);
  if (error || !group.is_multicast()) return "is no IPv4 multicast address";
  target = udp::endpoint(group, options.port);
  clock = options.clock;
  socket.open(udp::v4(), error);
  if (error) return error.message();
  // Several members of one machine share the port.
  socket.set_option(asio::socket_base::reuse_address(true), error);
  // Bound to the group, nothing that is sent to this machine's own addresses comes in.
  socket.bind(target, error);
  if (error) return error.message();
  // Otherwise the system hands in what other sockets of this machine have joined elsewhere.
  const int off = 0;
  setsockopt(socket.native_handle(), IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off);
  for (const auto& text : options.interfaces) {
    if (interfaces.size() >= kMaxInterfaces) break;
    const auto address = asio::ip::make_address_v4(text, error);
    if (error) return "interface " + text + " is no IPv4 address";
    socket.set_option(asio::ip::multicast::join_group(group, address), error);
    if (error) return "on interface " + text + ": " + error.message();
    interfaces.push_back(address);
  }
  if (interfaces.empty()) return "no interface with an IPv4 address";
  socket.set_option(asio::ip::multicast::hops(options.timeToLive), error);
  if (!error) socket.set_option(asio::ip::multicast::enable_loopback(options.loopback), error);
  if (!error) socket.non_blocking(true, error);
  return error ? error.message() : std::string();
}

void Multicast::Impl::receive() {
  socket.async_receive_from(
      asio::buffer(buffer), from,
      [self = shared_from_this()](const error_code& error, std::size_t size) {
        if (!self->onPacket || error == asio::error::operation_aborted) return;
        const std::int64_t now = self->clock->steadyMillis();
        if (now - self->second >= 1000) {
          self->second = now;
          self->inSecond = 0;
        }
        if (!error) {
          if (++self->inSecond > kMaxPerSecond) {
            ++self->dropped;
          } else {
            const OnPacket call = self->onPacket;  // survives the end of the owner
            call(BytesView(self->buffer, size));
          }
        }
        if (!self->onPacket) return;
        if (!error) return self->receive();
        self->shard.runAfter(kPauseMillis, [self] {
          if (self->onPacket) self->receive();
        });
      });
}

Multicast::Multicast(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Multicast::~Multicast() {
  impl_->onPacket = nullptr;
  error_code ignored;
  impl_->socket.close(ignored);
}

Result<std::unique_ptr<Multicast>> Multicast::open(Shard& shard, const Options& options,
                                                   OnPacket onPacket) {
  auto impl = std::make_shared<Impl>(shard);
  const std::string problem = impl->open(options);
  if (!problem.empty())
    return Error(Code::kNetBind, "multicast group " + options.group + ":" +
                                     std::to_string(options.port) + " " + problem);
  impl->onPacket = std::move(onPacket);
  impl->receive();
  return std::unique_ptr<Multicast>(new Multicast(std::move(impl)));
}

std::string Multicast::send(BytesView packet) {
  std::string problem;
  for (const auto& address : impl_->interfaces) {
    error_code error;
    impl_->socket.set_option(asio::ip::multicast::outbound_interface(address), error);
    if (!error) impl_->socket.send_to(asio::buffer(packet), impl_->target, 0, error);
    if (error) problem = "through " + address.to_string() + ": " + error.message();
  }
  return problem;
}

std::uint64_t Multicast::dropped() const { return impl_->dropped; }

}  // namespace ox::net
