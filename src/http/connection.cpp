#include "http/connection.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

namespace ox::http {
namespace {
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

void append(std::string& out, std::size_t number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

// What the connection itself says about the message.
bool ours(std::string_view name) {
  for (const std::string_view own : {"Content-Length", "Connection", "Transfer-Encoding"})
    if (beast::iequals({name.data(), name.size()}, {own.data(), own.size()})) return true;
  return false;
}
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
  if (out_.capacity() > kFirstRead) out_ = {};
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
  beast::error_code error;
  buffer_.consume(parser_->put(buffer_.data(), error));
  if (!error && parser_->is_header_done()) return headerDone();
  if (error && error != bhttp::error::need_more) return fail(error);
  expire(settings().headerTimeoutMillis);
  bhttp::async_read_header(stream_, buffer_, *parser_,
                           [self = self()](const beast::error_code& failed, std::size_t) {
                             if (failed) return self->fail(failed);
                             self->headerDone();
                           });
}

void Connection::headerDone() {
  ++shared_->requests;
  keepAlive_ = parser_->keep_alive();
  headOnly_ = parser_->head();
  oldVersion_ = parser_->oldVersion();
  if (!oldVersion_ && parser_->hosts() != 1) return refuse(400, "exactly one Host header is needed");
  if (parser_->transferEncoding() && !parser_->chunked())
    return refuse(501, "transfer encoding is not supported");
  parser_->raw().secure = stream_.tls() != nullptr;
  if (parser_->is_done()) return bodyDone();
  bodyDeadline_ = std::chrono::steady_clock::now() +
                  std::chrono::milliseconds(settings().requestTimeoutMillis);
  const std::string* const expect = parser_->expect();
  if (!expect) return readBody();
  if (!beast::iequals(*expect, "100-continue"))
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
                           if (!self->holdBody(self->parser_->raw().body.size()))
                             return self->refuse(503, "too many large requests at the same time");
                           if (self->parser_->is_done()) return self->bodyDone();
                           self->readBody();
                         });
}

void Connection::bodyDone() {
  expireNever();
  RawRequest raw = std::move(parser_->raw());
  parser_.reset();
  handle(std::move(raw));
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

void Connection::writeHead(const Response& response, bool keep) {
  const auto reason = bhttp::obsolete_reason(static_cast<bhttp::status>(response.status));
  out_ = "HTTP/1.1 ";
  append(out_, static_cast<std::size_t>(response.status));
  out_ += ' ';
  out_.append(reason.data(), reason.size());
  out_ += "\r\n";
  eachField(response, [this](std::string_view name, std::string_view value) {
    if (ours(name)) return;
    out_ += name;
    out_ += ": ";
    out_ += value;
    out_ += "\r\n";
  });
  if (!keep) out_ += "Connection: close\r\n";
  else if (oldVersion_) out_ += "Connection: keep-alive\r\n";
  if (response.status != 204 && response.status != 304) {
    out_ += "Content-Length: ";
    append(out_, response.body.size());
    out_ += "\r\n";
  }
  out_ += "\r\n";
}

// The kernel usually has room for an answer: then nobody has to wait, and no timer is needed. What it
// did not take stays in out_.
bool Connection::sentAtOnce() {
  if (stream_.tls()) return false;
  beast::error_code error;
  const std::size_t sent = stream_.socket().write_some(boost::asio::buffer(out_), error);
  if (error) return false;  // would block, or broken: asynchronous writing finds out
  if (sent < out_.size()) {
    out_.erase(0, sent);
    return false;
  }
  return true;
}

void Connection::send(Response response, bool closeAfter) {
  if (closed_) return;
  complete(response);
  if (response.status == 204 || response.status == 304) response.body.clear();  // have none
  const bool keep = keepAlive_ && !closeAfter && !shared_->stopping;
  writeHead(response, keep);
  if (headOnly_) response.body.clear();
  if (response.body.size() <= kCopiedBody) out_ += response.body;
  else body_ = std::move(response.body);
  if (keep && body_.empty() && sentAtOnce()) {
    if (buffer_.size() == 0) return waitForRequest();
    // A pipelined request is not begun inside the one before it.
    return shard_.post([self = self()] { self->waitForRequest(); });
  }
  expire(settings().writeTimeoutMillis);
  const auto done = [self = self(), keep](const beast::error_code& error, std::size_t) {
    self->body_ = {};
    if (error && self->timedOut_) ++self->shared_->timeouts;
    if (error) return self->close();
    if (keep) return self->waitForRequest();
    self->drain();  // what the client has sent meanwhile must not cost it our answer
  };
  if (body_.empty()) return boost::asio::async_write(stream_, boost::asio::buffer(out_), done);
  const std::array<boost::asio::const_buffer, 2> both = {boost::asio::buffer(out_),
                                                         boost::asio::buffer(body_)};
  boost::asio::async_write(stream_, both, done);
}

}  // namespace ox::http
