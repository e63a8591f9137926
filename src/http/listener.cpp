#include "http/listener.h"

#include <boost/asio/ip/address.hpp>

#include "base/log.h"
#include "http/ajp_connection.h"
#include "http/connection.h"

namespace ox::http {
namespace {
namespace asio = boost::asio;

constexpr int kBacklog = 4096;
constexpr int kAcceptRetryMillis = 100;  // after an error such as "too many open files"
constexpr std::int64_t kWarnEveryMillis = 60'000;

const char* nameOf(Listener::Kind kind) {
  if (kind == Listener::Kind::kHttp) return "HTTP connector";
  return kind == Listener::Kind::kHttps ? "HTTPS connector" : "AJP connector";
}

}  // namespace

Listener::Listener(Kind kind, std::shared_ptr<Shared> shared, net::ShardSet& shards,
                   std::shared_ptr<asio::ssl::context> tls)
    : kind_(kind), shared_(std::move(shared)), shards_(shards), tls_(std::move(tls)) {}

Status Listener::listen(const std::string& configured, std::uint16_t wanted) {
  const std::string name = nameOf(kind_);
  const std::string host = configured == "*" ? "0.0.0.0" : configured;
  const std::string place = host + ":" + std::to_string(wanted);
  boost::system::error_code error;
  tcp::endpoint endpoint;
  if (const auto address = asio::ip::make_address(host, error); !error) {
    endpoint = tcp::endpoint(address, wanted);
  } else {
    tcp::resolver resolver(shards_.at(0).loop());
    const auto found = resolver.resolve(host, std::to_string(wanted), error);
    if (error || found.empty())
      return Error(Code::kNetBind, name + ": host '" + host + "' cannot be resolved");
    endpoint = found.begin()->endpoint();
  }
  loopback_ = endpoint.address().is_loopback();
  const auto failed = [&](const std::string& why) {
    return Error(Code::kNetBind, name + " cannot listen on " + place + " " + why);
  };
  if (kind_ == Kind::kAjp && shared_->dispatcher.settings().ajpSecret.empty() &&
      !loopback_)
    return failed("without com.openexchange.connector.ajpSecret; allowed without one: loopback");
  auto fresh = std::make_unique<tcp::acceptor>(shards_.at(0).loop());
  fresh->open(endpoint.protocol(), error);
  if (error) return failed("(open): " + error.message());
  fresh->set_option(asio::socket_base::reuse_address(true), error);
  if (error) return failed("(reuse address): " + error.message());
  fresh->bind(endpoint, error);
  if (error) return failed("(bind): " + error.message());
  fresh->listen(kBacklog, error);
  if (error) return failed("(listen): " + error.message());
  port_ = fresh->local_endpoint(error).port();
  acceptor_ = std::move(fresh);
  const std::string& route = shared_->dispatcher.settings().backendRoute;
  log::info(name + " listens on " + host + ":" + std::to_string(port_) +
            (route.empty() ? "" : ", route " + route));
  return {};
}

void Listener::start() {
  shards_.at(0).post([self = shared_from_this()] { self->accept(); });
}

net::Shard& Listener::nextShard() {
  net::Shard& shard = shards_.at(next_);
  next_ = (next_ + 1) % shards_.count();
  return shard;
}

void Listener::accept() {
  if (stopped_) return;
  net::Shard& shard = nextShard();
  acceptor_->async_accept(
      shard.loop(), [self = shared_from_this(), &shard](const boost::system::error_code& error,
                                                        tcp::socket socket) {
        if (!error) {
          self->adopt(shard, std::move(socket));
          return self->accept();
        }
        if (error == asio::error::operation_aborted || self->stopped_) return;
        log::warn(std::string(nameOf(self->kind_)) + " cannot accept: " + error.message());
        self->shards_.at(0).runAfter(kAcceptRetryMillis, [self] { self->accept(); });
      });
}

std::shared_ptr<ClientConnection> Listener::made(net::Shard& shard, tcp::socket socket) const {
  if (kind_ == Kind::kAjp)
    return std::make_shared<AjpConnection>(shared_, shard, std::move(socket));
  return std::make_shared<Connection>(shared_, shard, std::move(socket), tls_);
}

void Listener::adopt(net::Shard& shard, tcp::socket socket) {
  std::shared_ptr<ClientConnection> connection;
  const std::size_t limit = shared_->dispatcher.settings().maxConnections;
  {
    std::lock_guard lock(shared_->mutex);
    if (shared_->open.size() < limit) {
      connection = made(shard, std::move(socket));
      shared_->open.emplace(connection.get(), std::make_pair(&shard, connection));
    }
  }
  if (connection) {
    ++shared_->accepted;
    shard.post([connection = std::move(connection)] { connection->start(); });
    return;
  }
  ++shared_->refused;
  boost::system::error_code ignored;
  if (kind_ == Kind::kHttp) {
    static constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kFull), ignored);  // fits the empty send buffer
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }
  const auto now = std::chrono::steady_clock::now();
  if (warned_.time_since_epoch().count() != 0 &&
      now - warned_ < std::chrono::milliseconds(kWarnEveryMillis))
    return;
  warned_ = now;
  log::warn(std::string(nameOf(kind_)) + ": " + std::to_string(limit) +
            " connections are open, further ones are refused");
}

void Listener::stop() {
  shards_.at(0).runAndWait([this] {
    stopped_ = true;
    boost::system::error_code error;
    acceptor_->cancel(error);
    acceptor_->non_blocking(true, error);
    for (int i = 0; i < kBacklog; ++i) {
      net::Shard& shard = nextShard();
      tcp::socket socket(shard.loop());
      acceptor_->accept(socket, error);
      if (error) break;
      adopt(shard, std::move(socket));
    }
    acceptor_->close(error);
  });
}

}  // namespace ox::http
