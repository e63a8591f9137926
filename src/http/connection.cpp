#include "http/connection.h"

#include <algorithm>

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace ox::http {
namespace {
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
}  // namespace

Connection::Connection(std::shared_ptr<Shared> shared, net::Shard& shard,
                       boost::asio::ip::tcp::socket&& socket,
                       std::shared_ptr<boost::asio::ssl::context> tls)
    : ClientConnection(std::move(shared), shard, std::move(socket), std::move(tls)),
      buffer_(settings().maxHeaderBytes + kReadChunk) {}

void Connection::waitForRequest() {
  if (closed_) return;
  if (buffer_.size() > 0) return readHeader();
  parser_.reset();
  if (buffer_.capacity() > kFirstRead) buffer_.shrink_to_fit();
  idle_ = true;
  expire(idleMillis());
  stream_.async_read_some(
      buffer_.prepare(kFirstRead),
      [self = self()](const beast::error_code& error, std::size_t bytes) {
        self->idle_ = false;
        if (error) return self->close();  // idle time over or the client left: nothing to say
        self->buffer_.commit(bytes);
        self->readHeader();
      });
}

void Connection::readHeader() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(settings().maxHeaderBytes));
  parser_->body_limit(settings().maxBodyBytes);
  raw_ = {};
  expire(settings().headerTimeoutMillis);
  bhttp::async_read_header(stream_, buffer_, *parser_,
                           [self = self()](const beast::error_code& error, std::size_t) {
                             if (error) return self->fail(error);
                             self->headerDone();
                           });
}

void Connection::headerDone() {
  ++shared_->requests;
  const auto& header = parser_->get();
  keepAlive_ = parser_->keep_alive();
  headOnly_ = header.method() == bhttp::verb::head;
  oldVersion_ = header.version() < 11;
  if (!oldVersion_ && header.count(bhttp::field::host) != 1)
    return refuse(400, "exactly one Host header is needed");
  if (const auto encoding = header.find(bhttp::field::transfer_encoding);
      encoding != header.end() && !parser_->chunked())
    return refuse(501, "transfer encoding is not supported");
  raw_.method = std::string(header.method_string());
  raw_.target = std::string(header.target());
  raw_.secure = stream_.tls() != nullptr;
  for (const auto& field : header)
    raw_.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  bodyDeadline_ = std::chrono::steady_clock::now() +
                  std::chrono::milliseconds(settings().requestTimeoutMillis);
  if (parser_->is_done()) return bodyDone();
  const auto expect = header.find(bhttp::field::expect);
  if (expect == header.end()) return readBody();
  if (!beast::iequals(expect->value(), "100-continue"))
    return refuse(417, "expectation is not supported");
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  expire(settings().writeTimeoutMillis);
  boost::asio::async_write(stream_, boost::asio::buffer(kContinue),
                           [self = self()](const beast::error_code& error, std::size_t) {
                             if (error) return self->close();
                             self->readBody();
                           });
}

void Connection::readBody() {
  const auto now = std::chrono::steady_clock::now();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(bodyDeadline_ - now).count();
  timedOut_ = left <= 0;
  if (timedOut_) return fail(beast::error::timeout);
  expire(std::min<std::int64_t>(left, settings().bodyTimeoutMillis));
  bhttp::async_read_some(stream_, buffer_, *parser_,
                         [self = self()](const beast::error_code& error, std::size_t) {
                           if (error) return self->fail(error);
                           if (!self->holdBody(self->parser_->get().body().size()))
                             return self->refuse(503, "too many large requests at the same time");
                           if (self->parser_->is_done()) return self->bodyDone();
                           self->readBody();
                         });
}

void Connection::bodyDone() {
  expireNever();
  raw_.body = std::move(parser_->get().body());
  parser_.reset();
  handle(std::move(raw_));
}

void Connection::fail(const beast::error_code& error) {
  if (timedOut_) {
    ++shared_->timeouts;
    return refuse(408, "request took too long");
  }
  if (error == bhttp::error::end_of_stream || error == boost::asio::error::operation_aborted ||
      error.category() == boost::asio::error::get_system_category() ||
      error.category() == boost::asio::error::get_ssl_category() ||
      error.category() == boost::asio::ssl::error::get_stream_category())
    return close();
  ++shared_->parseErrors;
  if (error == bhttp::error::body_limit) return refuse(413, "request body is too large");
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow)
    return refuse(431, "request header is too large");
  if (error == bhttp::error::partial_message) return close();
  refuse(400, "request cannot be parsed");
}

void Connection::send(Response response, bool closeAfter) {
  if (closed_) return;
  const HeaderList headers = completed(response);
  auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
  message->version(11);
  message->result(static_cast<unsigned>(response.status));
  for (const auto& [name, value] : headers) message->insert(name, value);
  const bool keep = keepAlive_ && !closeAfter && !shared_->stopping;
  message->keep_alive(keep);
  if (keep && oldVersion_) message->set(bhttp::field::connection, "keep-alive");
  if (headOnly_) {
    message->content_length(response.body.size());
  } else {
    message->body() = std::move(response.body);
    message->prepare_payload();
  }
  auto serializer = std::make_shared<bhttp::response_serializer<bhttp::string_body>>(*message);
  expire(settings().writeTimeoutMillis);
  const auto done = [self = self(), message, serializer, keep](const beast::error_code& error,
                                                               std::size_t) {
    if (error && self->timedOut_) ++self->shared_->timeouts;
    if (error) return self->close();
    if (keep) return self->waitForRequest();
    self->drain();  // what the client has sent meanwhile must not cost it our answer
  };
  if (headOnly_) bhttp::async_write_header(stream_, *serializer, done);
  else bhttp::async_write(stream_, *serializer, done);
}

}  // namespace ox::http
