// A listening socket of a connector and what becomes of its connections. Included by server.cpp only.
//
// Threads:   listen() and stop() from one thread; accepts on shard 0, connections live on the data
//            shards (round robin).
// Ownership: keeps itself while it accepts.
// Bounds:    settings.maxConnections over all listeners; above it 503 and close.
// Errors:    NET-0006 with the address and the reason.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/error.h"
#include "http/client_connection.h"

namespace ox::http {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  enum class Kind { kHttp, kHttps, kAjp };
  Listener(Kind kind, std::shared_ptr<Shared> shared, net::ShardSet& shards,
           std::shared_ptr<boost::asio::ssl::context> tls);

  Status listen(const std::string& host, std::uint16_t port);
  void start();
  // Takes what the kernel has accepted already, then closes the door.
  void stop();
  std::uint16_t port() const { return port_; }
  bool loopback() const { return loopback_; }  // after listen()

 private:
  using tcp = boost::asio::ip::tcp;
  void accept();
  void adopt(net::Shard& shard, tcp::socket socket);
  std::shared_ptr<ClientConnection> made(net::Shard& shard, tcp::socket socket) const;
  net::Shard& nextShard();

  const Kind kind_;
  const std::shared_ptr<Shared> shared_;
  net::ShardSet& shards_;
  const std::shared_ptr<boost::asio::ssl::context> tls_;
  std::unique_ptr<tcp::acceptor> acceptor_;  // on shard 0
  int next_ = 0;
  std::uint16_t port_ = 0;
  bool loopback_ = false;
  bool stopped_ = false;
  std::chrono::steady_clock::time_point warned_{};
};

}  // namespace ox::http
