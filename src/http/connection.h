// One HTTP/1.1 connection, plain or TLS, on its shard. Included by connection.cpp and listener.cpp.
//
// Bounds: one request is worked on at a time; pipelined ones wait in the buffer (maxHeaderBytes +
//         kReadChunk) and then in the kernel's. An idle connection holds kFirstRead bytes for
//         either direction and no parser.
// Speed:  a request that has come in one piece is parsed where it lies, an answer goes out with one
//         call, head and body together.
#pragma once

#include <chrono>
#include <optional>

#include <boost/beast/core/flat_buffer.hpp>

#include "http/client_connection.h"
#include "http/request_parser.h"

namespace ox::http {

inline constexpr std::size_t kReadChunk = 64 * 1024;
inline constexpr std::size_t kFirstRead = 1024;
inline constexpr std::size_t kCopiedBody = 4096;  // a longer one is not copied behind its head

class Connection final : public ClientConnection {
 public:
  Connection(std::shared_ptr<Shared> shared, net::Shard& shard,
             boost::asio::ip::tcp::socket&& socket,
             std::shared_ptr<boost::asio::ssl::context> tls);

 private:
  std::shared_ptr<Connection> self() {
    return std::static_pointer_cast<Connection>(shared_from_this());
  }
  void begin() override { waitForRequest(); }
  void send(Response response, bool close) override;
  void waitForRequest();
  void readHeader();
  void headerDone();
  void readBody();
  void bodyDone();
  void fail(const boost::beast::error_code& error);
  void writeHead(const Response& response, bool keep);
  bool sentAtOnce();

  boost::beast::flat_buffer buffer_;
  std::optional<RequestParser> parser_;
  std::string out_, body_;  // the answer on its way
  std::chrono::steady_clock::time_point bodyDeadline_;
  bool keepAlive_ = false;
  bool headOnly_ = false;
  bool oldVersion_ = false;  // HTTP/1.0
};

}  // namespace ox::http
