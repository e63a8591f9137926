#include "http/server.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "http/listener.h"
#include "http/tls_server.h"

namespace ox::http {
namespace {
constexpr int kCloseMillis = 2000;         // for connections that are told to close
constexpr int kLingerSlackMillis = 100;    // an idle connection ends at the end of its time
}  // namespace

struct HttpServer::Impl {
  Impl(HttpSettings settings, net::ShardSet& set, net::Workers& workers)
      : shards(set), shared(std::make_shared<Shared>(bounded(std::move(settings)), workers)) {}
  static HttpSettings bounded(HttpSettings settings) {
    settings.lingerMillis = std::min(settings.lingerMillis, settings.shutdownMillis);
    return settings;
  }

  Status open(Listener::Kind kind, std::uint16_t port,
              std::shared_ptr<boost::asio::ssl::context> tls = nullptr) {
    auto listener = std::make_shared<Listener>(kind, shared, shards, std::move(tls));
    if (Status s = listener->listen(shared->dispatcher.settings().host, port); !s.ok()) return s;
    listeners.push_back(std::move(listener));
    return {};
  }
  Status openAll();
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
  std::uint16_t portOf(std::size_t index) const {
    return index < listeners.size() ? listeners[index]->port() : std::uint16_t{0};
  }

  net::ShardSet& shards;
  std::shared_ptr<Shared> shared;
  std::vector<std::shared_ptr<Listener>> listeners;
  std::size_t tlsAt = SIZE_MAX;  // places in `listeners`
  std::size_t ajpAt = SIZE_MAX;
  bool started = false;
};

Status HttpServer::Impl::openAll() {
  const HttpSettings& settings = shared->dispatcher.settings();
  if (Status s = open(Listener::Kind::kHttp, settings.port); !s.ok()) return s;
  if (settings.considerXForwards && settings.knownProxies.empty() && !listeners[0]->loopback())
    log::warn("com.openexchange.server.knownProxies is empty: whoever reaches the connector may say "
              "which address he has; name the servers in front there");
  if (settings.tls) {
    auto tls = serverTls(settings);
    if (!tls) return tls.error();
    if (Status s = open(Listener::Kind::kHttps, settings.tlsPort, *tls); !s.ok()) return s;
    tlsAt = listeners.size() - 1;
  }
  if (settings.ajpPort >= 0) {
    if (Status s = open(Listener::Kind::kAjp, static_cast<std::uint16_t>(settings.ajpPort));
        !s.ok())
      return s;
    ajpAt = listeners.size() - 1;
  }
  return {};
}

void HttpServer::Impl::stop() {
  if (!started) return;
  started = false;
  shared->stopping = true;
  shared->dispatcher.stopping();
  for (const auto& listener : listeners) listener->stop();
  onEach([](ClientConnection& connection) { connection.linger(); });
  const HttpSettings& settings = shared->dispatcher.settings();
  if (!waitEmpty(settings.shutdownMillis + kLingerSlackMillis)) {
    log::warn("HTTP connector: requests were still running at the end of the shutdown time");
    onEach([](ClientConnection& connection) { connection.close(); });
    waitEmpty(kCloseMillis);
  }
  // The acceptors' last handlers have run: the loop is empty of them.
  shards.at(0).runAndWait([this] { listeners.clear(); });
}

HttpServer::HttpServer(HttpSettings settings, net::ShardSet& shards, net::Workers& workers)
    : impl_(std::make_shared<Impl>(std::move(settings), shards, workers)) {}

HttpServer::~HttpServer() {
  reload_.reset();
  metrics_.reset();
  stop();
}

Status HttpServer::start() {
  if (Status listening = impl_->openAll(); !listening.ok()) {
    impl_->listeners.clear();
    return listening;
  }
  impl_->started = true;
  for (const auto& listener : impl_->listeners) listener->start();
  return {};
}

void HttpServer::stop() { impl_->stop(); }

std::uint16_t HttpServer::port() const { return impl_->portOf(0); }
std::uint16_t HttpServer::tlsPort() const { return impl_->portOf(impl_->tlsAt); }
std::uint16_t HttpServer::ajpPort() const { return impl_->portOf(impl_->ajpAt); }

std::shared_ptr<void> HttpServer::addServlet(const std::string& path, RunOn where,
                                             Handler handler) {
  return impl_->shared->dispatcher.add(path, where, std::move(handler));
}

std::shared_ptr<void> HttpServer::addServlet(const std::string& path, AtOnce atOnce,
                                             Handler handler) {
  return impl_->shared->dispatcher.add(
      path, std::make_shared<Servlet>(RunOn::kWorker, std::move(handler), std::move(atOnce)));
}

const std::string& HttpServer::backendRoute() const {
  return impl_->shared->dispatcher.settings().backendRoute;
}

void HttpServer::setCookieHttpOnly(bool on) { impl_->shared->dispatcher.setCookieHttpOnly(on); }

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
  out.tlsFailures = shared.tlsFailures;
  out.ajpRequests = shared.ajpRequests;
  out.ajpSecrets = shared.ajpSecrets;
  out.strangeProxies = shared.dispatcher.strangeProxies();
  out.heldBodyBytes = shared.heldBodies;
  out.httpSessions = shared.dispatcher.httpSessions().active();
  out.httpSessionsCreated = shared.dispatcher.httpSessions().created();
  out.httpSessionsDropped = shared.dispatcher.httpSessions().dropped();
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
    add("ox_http_tls_failures_total", "TLS handshakes that failed", true, c.tlsFailures);
    add("ox_http_ajp_requests_total", "Requests that came by AJP", true, c.ajpRequests);
    add("ox_http_ajp_secrets_total", "AJP requests refused for a missing or wrong secret", true,
        c.ajpSecrets);
    add("ox_http_strange_proxies_total",
        "Requests whose forwarding headers were ignored: their sender is no known proxy", true,
        c.strangeProxies);
    add("ox_http_held_body_bytes", "Bytes of request bodies in memory", false, c.heldBodyBytes);
    add("ox_http_sessions", "HTTP sessions (JSESSIONID) in use", false, c.httpSessions);
    add("ox_http_sessions_created_total", "HTTP sessions created", true, c.httpSessionsCreated);
    add("ox_http_sessions_dropped_total",
        "HTTP sessions dropped because of com.openexchange.servlet.maxActiveSessions", true,
        c.httpSessionsDropped);
    for (std::size_t i = 1; i < 6; ++i)
      out.push_back({"ox_http_responses_total", "HTTP answers by class of status", true,
                     {{"class", std::to_string(i) + "xx"}}, static_cast<double>(c.responses[i])});
  });
}

}  // namespace ox::http
