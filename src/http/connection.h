// One HTTP/1.1 connection, plain or TLS, on its shard. Included by connection.cpp and listener.cpp.
//
// Bounds: one request is worked on at a time; pipelined ones wait in the buffer (maxHeaderBytes +
//         kReadChunk) and then in the kernel's. An idle connection holds kFirstRead bytes and no
//         parser. Fields of a chunked body's trailer are read and not looked at.
#pragma once

#include <chrono>
#include <optional>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/client_connection.h"

namespace ox::http {

inline constexpr std::size_t kReadChunk = 64 * 1024;
inline constexpr std::size_t kFirstRead = 1024;

class Connection final : public ClientConnection {
 public:
  Connection(std::shared_ptr<Shared> shared, net::Shard& shard,
             boost::asio::ip::tcp::socket&& socket,
             std::shared_ptr<boost::asio::ssl::context> tls);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

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

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  RawRequest raw_;
  std::chrono::steady_clock::time_point bodyDeadline_;
  bool keepAlive_ = false;
  bool headOnly_ = false;
  bool oldVersion_ = false;  // HTTP/1.0
};

}  // namespace ox::http
