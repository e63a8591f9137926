// One HTTP connection on its shard. Included by server.cpp and connection.cpp only (Boost.Beast).
//
// Threads:   everything on the shard's thread, except the construction and Reply, which posts.
// Ownership: pending operations and the reply of a running handler keep it alive; it keeps `Shared`.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/dispatcher.h"
#include "net/shard.h"
#include "net/workers.h"

namespace ox::http {

inline constexpr std::size_t kReadChunk = 64 * 1024;

class Connection;

// What all connections of a server have in common; outlives the server while one is open.
struct Shared {
  Shared(HttpSettings settings, net::Workers& pool)
      : dispatcher(std::move(settings), secureRandom()), workers(pool) {}

  Dispatcher dispatcher;
  net::Workers& workers;
  std::atomic<bool> stopping{false};

  std::atomic<std::uint64_t> accepted{0}, refused{0}, requests{0}, parseErrors{0}, timeouts{0},
      workersFull{0};
  std::atomic<std::uint64_t> responses[6] = {};

  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<Connection*, std::pair<net::Shard*, std::weak_ptr<Connection>>> open;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shared> shared, net::Shard& shard,
             boost::asio::ip::tcp::socket&& socket);
  ~Connection();

  void start();
  void closeIfIdle();
  void close();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  class Answer;

  void waitForRequest();
  void readHeader();
  void headerDone();
  void readBody();
  void bodyDone();
  void handle();
  // Sends an answer outside the dispatcher and closes afterwards.
  void refuse(int status, std::string_view text);
  void send(Response response, bool close);
  void fail(const boost::beast::error_code& error);
  void drain();
  // From now on the running operation has so long; then it is cancelled and timedOut_ is set.
  void expire(std::int64_t millis);
  void expireNever();

  std::shared_ptr<Shared> shared_;
  net::Shard& shard_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::shared_ptr<Dispatcher::Prepared> prepared_;
  std::string remote_;
  std::chrono::steady_clock::time_point bodyDeadline_;
  bool idle_ = false;      // waits for the first byte of a request
  bool closed_ = false;
  bool timedOut_ = false;
  bool keepAlive_ = false;
  bool headOnly_ = false;
};

}  // namespace ox::http
