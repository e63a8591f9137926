// HttpServer: the connectors (HTTP, HTTPS, AJP). Offered to bundles as "http" (type HttpService).
//
// Purpose:   accepts connections, parses HTTP/1.1 and AJP/1.3 with every limit of settings.h, hands
//            requests to the dispatcher and writes the answers in order.
// Threads:   start() and stop() from one thread; connections live on the data shards (round robin).
//            Answers may come from any thread. stop() must be called before the shards stop.
// Bounds:    one request of a connection is worked on at a time; pipelined ones wait in the
//            connection's buffer (maxHeaderBytes + kReadChunk) and then in the kernel's.
// Errors:    start() NET-0006 when an address cannot be had, CFG-0001 for TLS. To clients: 400
//            undecodable, 408 slow, 413 body, 431 header, 503 workers full or too many connections.
// A stop:    the doors close, so that a load balancer goes elsewhere; running requests finish; idle
//            connections are closed after lingerMillis, since a proxy may be about to use one. Every
//            answer says "Connection: close" and hands out no JSESSIONID any more.
// Boost.Asio and Beast stay in listener.cpp and the connection files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "http/servlet.h"
#include "http/settings.h"
#include "management/management.h"
#include "net/shard.h"
#include "net/workers.h"

namespace ox::config {
class ConfigService;
}

namespace ox::http {

struct HttpCounters {
  std::uint64_t connectionsAccepted = 0;
  std::uint64_t connectionsOpen = 0;
  std::uint64_t connectionsRefused = 0;  // above maxConnections
  std::uint64_t requests = 0;
  std::uint64_t responses[6] = {};       // by first digit of the status
  std::uint64_t parseErrors = 0;
  std::uint64_t timeouts = 0;            // slow clients; not the end of an idle connection
  std::uint64_t workersFull = 0;
  std::uint64_t handlerFailures = 0;
  std::uint64_t badCookies = 0;
  std::uint64_t tlsFailures = 0;
  std::uint64_t ajpRequests = 0;
  std::uint64_t ajpSecrets = 0;  // missing or wrong
  std::uint64_t strangeProxies = 0;
  std::uint64_t heldBodyBytes = 0;
  std::uint64_t httpSessions = 0;
  std::uint64_t httpSessionsCreated = 0;
  std::uint64_t httpSessionsDropped = 0;
};

class HttpServer final : public HttpService {
 public:
  HttpServer(config::ConfigService& config, net::ShardSet& shards, net::Workers& workers);
  HttpServer(HttpSettings settings, net::ShardSet& shards, net::Workers& workers);
  ~HttpServer() override;  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  Status start();
  // No new connections; requests that run are answered (at most shutdownMillis), then all closes.
  void stop();
  std::uint16_t port() const;  // the real ones, after start(); 0 = there is none
  std::uint16_t tlsPort() const;
  std::uint16_t ajpPort() const;

  std::shared_ptr<void> addServlet(const std::string& path, RunOn where, Handler handler) override;
  std::shared_ptr<void> addServlet(const std::string& path, AtOnce atOnce, Handler handler) override;
  const std::string& backendRoute() const override;

  HttpCounters counters() const;
  void setCookieHttpOnly(bool on);  // of JSESSIONID, from now on
  // Metrics ox_http_*; the server keeps the registration until it is destroyed.
  void registerMetrics(management::Management& management);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  management::Registration metrics_;
  std::shared_ptr<void> reload_;
};

}  // namespace ox::http
