#include "http/server.h"

#include <chrono>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/log.h"
#include "http/connection.h"

namespace ox::http {
namespace {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr int kBacklog = 1024;
constexpr int kAcceptRetryMillis = 100;      // after an error such as "too many open files"
constexpr int kCloseMillis = 2000;           // for connections that are told to close
constexpr std::int64_t kWarnEveryMillis = 60'000;
}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(HttpSettings settings, net::ShardSet& set, net::Workers& workers)
      : shards(set), shared(std::make_shared<Shared>(std::move(settings), workers)) {}

  Status listen();
  void accept();
  void adopt(net::Shard& shard, tcp::socket socket);
  void stop();
  bool waitEmpty(std::int64_t millis) {
    std::unique_lock lock(shared->mutex);
    return shared->changed.wait_for(lock, std::chrono::milliseconds(millis),
                                    [this] { return shared->open.empty(); });
  }
  template <typename F>
  void onEach(F action) {
    std::lock_guard lock(shared->mutex);
    for (const auto& [raw, place] : shared->open)
      place.first->post([weak = place.second, action] {
        if (auto connection = weak.lock()) action(*connection);
      });
  }

  net::ShardSet& shards;
  std::shared_ptr<Shared> shared;
  std::unique_ptr<tcp::acceptor> acceptor;  // on shard 0
  int nextShard = 0;
  std::uint16_t port = 0;
  bool started = false;
  std::chrono::steady_clock::time_point warned{};
};

Status HttpServer::Impl::listen() {
  const HttpSettings& settings = shared->dispatcher.settings();
  const std::string host = settings.host == "*" ? "0.0.0.0" : settings.host;
  const std::string place = host + ":" + std::to_string(settings.port);
  boost::system::error_code error;
  tcp::endpoint endpoint;
  if (const auto address = asio::ip::make_address(host, error); !error) {
    endpoint = tcp::endpoint(address, settings.port);
  } else {
    tcp::resolver resolver(shards.at(0).loop());
    const auto found = resolver.resolve(host, std::to_string(settings.port), error);
    if (error || found.empty())
      return Error(Code::kNetBind, "HTTP connector: host '" + host + "' cannot be resolved");
    endpoint = found.begin()->endpoint();
  }
  auto fresh = std::make_unique<tcp::acceptor>(shards.at(0).loop());
  const auto failed = [&](const char* step) {
    return Error(Code::kNetBind, "HTTP connector cannot listen on " + place + " (" + step + "): " +
                                     error.message());
  };
  fresh->open(endpoint.protocol(), error);
  if (error) return failed("open");
  fresh->set_option(asio::socket_base::reuse_address(true), error);
  if (error) return failed("reuse address");
  fresh->bind(endpoint, error);
  if (error) return failed("bind");
  fresh->listen(kBacklog, error);
  if (error) return failed("listen");
  port = fresh->local_endpoint(error).port();
  acceptor = std::move(fresh);
  log::info("HTTP connector listens on " + host + ":" + std::to_string(port) + ", route " +
            settings.backendRoute);
  return {};
}

void HttpServer::Impl::accept() {
  if (!acceptor || shared->stopping) return;
  net::Shard& shard = shards.at(nextShard);
  nextShard = (nextShard + 1) % shards.count();
  acceptor->async_accept(
      shard.loop(), [self = shared_from_this(), &shard](const boost::system::error_code& error,
                                                        tcp::socket socket) {
        if (error == asio::error::operation_aborted || self->shared->stopping) return;
        if (!error) {
          self->adopt(shard, std::move(socket));
          return self->accept();
        }
        log::warn("HTTP connector cannot accept: " + error.message());
        self->shards.at(0).runAfter(kAcceptRetryMillis, [self] { self->accept(); });
      });
}

void HttpServer::Impl::adopt(net::Shard& shard, tcp::socket socket) {
  std::shared_ptr<Connection> connection;
  const std::size_t limit = shared->dispatcher.settings().maxConnections;
  {
    std::lock_guard lock(shared->mutex);
    if (shared->open.size() < limit) {
      connection = std::make_shared<Connection>(shared, shard, std::move(socket));
      shared->open.emplace(connection.get(), std::make_pair(&shard, connection));
    }
  }
  if (connection) {
    ++shared->accepted;
    shard.post([connection = std::move(connection)] { connection->start(); });
    return;
  }
  ++shared->refused;
  static constexpr std::string_view kFull =
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kFull), ignored);  // fits the empty send buffer
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  const auto now = std::chrono::steady_clock::now();
  if (warned.time_since_epoch().count() != 0 &&
      now - warned < std::chrono::milliseconds(kWarnEveryMillis))
    return;
  warned = now;
  log::warn("HTTP connector: " + std::to_string(limit) +
            " connections are open, further ones are refused");
}

void HttpServer::Impl::stop() {
  if (!started) return;
  started = false;
  shared->stopping = true;
  shards.at(0).runAndWait([this] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  });
  onEach([](Connection& connection) { connection.closeIfIdle(); });
  if (!waitEmpty(shared->dispatcher.settings().shutdownMillis)) {
    log::warn("HTTP connector: requests were still running at the end of the shutdown time");
    onEach([](Connection& connection) { connection.close(); });
    waitEmpty(kCloseMillis);
  }
  // The acceptor's last handler has run: the loop is empty of it.
  shards.at(0).runAndWait([this] { acceptor.reset(); });
}

HttpServer::HttpServer(HttpSettings settings, net::ShardSet& shards, net::Workers& workers)
    : impl_(std::make_shared<Impl>(std::move(settings), shards, workers)) {}

HttpServer::~HttpServer() {
  metrics_.reset();
  stop();
}

Status HttpServer::start() {
  if (Status listening = impl_->listen(); !listening.ok()) return listening;
  impl_->started = true;
  impl_->shards.at(0).post([impl = impl_] { impl->accept(); });
  return {};
}

void HttpServer::stop() { impl_->stop(); }

std::uint16_t HttpServer::port() const { return impl_->port; }

std::shared_ptr<void> HttpServer::addServlet(const std::string& path, RunOn where,
                                             Handler handler) {
  return impl_->shared->dispatcher.add(path, where, std::move(handler));
}

const std::string& HttpServer::backendRoute() const {
  return impl_->shared->dispatcher.settings().backendRoute;
}

HttpCounters HttpServer::counters() const {
  Shared& shared = *impl_->shared;
  HttpCounters out;
  out.connectionsAccepted = shared.accepted;
  out.connectionsRefused = shared.refused;
  out.requests = shared.requests;
  out.parseErrors = shared.parseErrors;
  out.timeouts = shared.timeouts;
  out.workersFull = shared.workersFull;
  out.handlerFailures = shared.dispatcher.handlerFailures();
  out.badCookies = shared.dispatcher.badCookies();
  for (std::size_t i = 0; i < 6; ++i) out.responses[i] = shared.responses[i];
  std::lock_guard lock(shared.mutex);
  out.connectionsOpen = shared.open.size();
  return out;
}

void HttpServer::registerMetrics(management::Management& management) {
  metrics_ = management.addMetrics([this](std::vector<management::MetricSample>& out) {
    const HttpCounters c = counters();
    const auto add = [&](const char* name, const char* help, bool counter, std::uint64_t value) {
      out.push_back({name, help, counter, {}, static_cast<double>(value)});
    };
    add("ox_http_connections_open", "Open HTTP connections", false, c.connectionsOpen);
    add("ox_http_connections_accepted_total", "HTTP connections accepted", true,
        c.connectionsAccepted);
    add("ox_http_connections_refused_total", "HTTP connections refused above the limit", true,
        c.connectionsRefused);
    add("ox_http_requests_total", "HTTP requests whose header was read", true, c.requests);
    add("ox_http_parse_errors_total", "HTTP requests that could not be parsed", true,
        c.parseErrors);
    add("ox_http_timeouts_total", "HTTP connections closed because the client was slow", true,
        c.timeouts);
    add("ox_http_workers_full_total", "HTTP requests refused because the worker queue was full",
        true, c.workersFull);
    add("ox_http_handler_failures_total", "HTTP requests whose servlet threw", true,
        c.handlerFailures);
    add("ox_http_bad_cookies_total", "Cookies left out because they were malformed", true,
        c.badCookies);
    for (std::size_t i = 1; i < 6; ++i)
      out.push_back({"ox_http_responses_total", "HTTP answers by class of status", true,
                     {{"class", std::to_string(i) + "xx"}}, static_cast<double>(c.responses[i])});
  });
}

}  // namespace ox::http
