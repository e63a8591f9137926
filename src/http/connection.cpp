#include "http/connection.h"

#include <algorithm>
#include <ctime>

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "base/log.h"
#include "http/cookies.h"

namespace ox::http {
namespace {
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

// How long the rest of a refused request is read and thrown away, so that the client gets our
// answer instead of a reset.
constexpr int kLingerMillis = 1000;

std::string httpDate() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text, n);
}

bool headerSafe(std::string_view text) {
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

}  // namespace

// The promise behind a Reply: the first answer counts; none at all is an answer 500.
class Connection::Answer {
 public:
  explicit Answer(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~Answer() {
    if (given_) return;
    log::warn("a servlet gave no answer: " + connection_->prepared_->request.path);
    give(Dispatcher::plainError(500, "internal error"));
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  void give(Response response) {
    if (given_.exchange(true)) return;
    // The connection goes with the answer, so that it ends on its own thread.
    net::Shard& shard = connection_->shard_;
    shard.post([connection = std::move(connection_), response = std::move(response)]() mutable {
      connection->send(std::move(response), false);
    });
  }

 private:
  std::shared_ptr<Connection> connection_;
  std::atomic<bool> given_{false};
};

Connection::Connection(std::shared_ptr<Shared> shared, net::Shard& shard,
                       boost::asio::ip::tcp::socket&& socket)
    : shared_(std::move(shared)), shard_(shard), socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      buffer_(shared_->dispatcher.settings().maxHeaderBytes + kReadChunk) {}

Connection::~Connection() {
  std::lock_guard lock(shared_->mutex);
  shared_->open.erase(this);
  shared_->changed.notify_all();
}

void Connection::expire(std::int64_t millis) {
  timedOut_ = false;
  timer_.expires_after(std::chrono::milliseconds(millis));
  timer_.async_wait([weak = weak_from_this()](const beast::error_code& error) {
    const auto self = weak.lock();
    // A wait whose handler was under way when the timer was set anew must not count.
    if (error || !self || self->timer_.expiry() > std::chrono::steady_clock::now()) return;
    self->timedOut_ = true;
    beast::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Connection::expireNever() {
  timedOut_ = false;
  timer_.expires_at(std::chrono::steady_clock::time_point::max());
}

void Connection::start() {
  beast::error_code error;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), error);
  const auto peer = socket_.remote_endpoint(error);
  if (error) return;
  remote_ = peer.address().to_string();
  waitForRequest();
}

void Connection::waitForRequest() {
  if (closed_ || shared_->stopping) return close();
  parser_.emplace();
  parser_->header_limit(
      static_cast<std::uint32_t>(shared_->dispatcher.settings().maxHeaderBytes));
  parser_->body_limit(shared_->dispatcher.settings().maxBodyBytes);
  if (buffer_.size() > 0) return readHeader();
  idle_ = true;
  expire(shared_->dispatcher.settings().idleTimeoutMillis);
  socket_.async_read_some(
      buffer_.prepare(4096),
      [self = shared_from_this()](const beast::error_code& error, std::size_t bytes) {
        self->idle_ = false;
        if (error) return self->close();  // idle time over or the client left: nothing to say
        self->buffer_.commit(bytes);
        self->readHeader();
      });
}

void Connection::readHeader() {
  expire(shared_->dispatcher.settings().headerTimeoutMillis);
  bhttp::async_read_header(socket_, buffer_, *parser_,
                           [self = shared_from_this()](const beast::error_code& error,
                                                       std::size_t) {
                             if (error) return self->fail(error);
                             self->headerDone();
                           });
}

void Connection::headerDone() {
  ++shared_->requests;
  const auto& header = parser_->get();
  keepAlive_ = parser_->keep_alive();
  headOnly_ = header.method() == bhttp::verb::head;
  if (header.version() >= 11 && header.count(bhttp::field::host) != 1)
    return refuse(400, "exactly one Host header is needed");
  if (const auto encoding = header.find(bhttp::field::transfer_encoding);
      encoding != header.end() && !parser_->chunked())
    return refuse(501, "transfer encoding is not supported");
  bodyDeadline_ = std::chrono::steady_clock::now() +
                  std::chrono::milliseconds(shared_->dispatcher.settings().requestTimeoutMillis);
  if (parser_->is_done()) return bodyDone();
  const auto expect = header.find(bhttp::field::expect);
  if (expect == header.end()) return readBody();
  if (!beast::iequals(expect->value(), "100-continue"))
    return refuse(417, "expectation is not supported");
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  expire(shared_->dispatcher.settings().writeTimeoutMillis);
  boost::asio::async_write(socket_, boost::asio::buffer(kContinue),
                           [self = shared_from_this()](const beast::error_code& error,
                                                       std::size_t) {
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
  expire(std::min<std::int64_t>(left, shared_->dispatcher.settings().bodyTimeoutMillis));
  bhttp::async_read_some(socket_, buffer_, *parser_,
                         [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                           if (error) return self->fail(error);
                           if (self->parser_->is_done()) return self->bodyDone();
                           self->readBody();
                         });
}

void Connection::bodyDone() {
  expireNever();
  auto message = parser_->release();
  RawRequest raw;
  raw.method = std::string(message.method_string());
  raw.target = std::string(message.target());
  raw.remoteAddress = remote_;
  for (const auto& field : message)
    raw.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  raw.body = std::move(message.body());
  prepared_ = std::make_shared<Dispatcher::Prepared>(shared_->dispatcher.prepare(std::move(raw)));
  handle();
}

void Connection::handle() {
  if (prepared_->refusal) {
    Response refusal = std::move(*prepared_->refusal);
    return send(std::move(refusal), false);
  }
  auto answer = std::make_shared<Answer>(shared_from_this());
  const Reply reply = [answer](Response response) { answer->give(std::move(response)); };
  if (prepared_->servlet->where == RunOn::kLoop)
    return shared_->dispatcher.run(*prepared_, reply);
  const bool taken = shared_->workers.submit([shared = shared_, prepared = prepared_, reply] {
    shared->dispatcher.run(*prepared, reply);
  });
  if (!taken) {
    ++shared_->workersFull;
    Response busy = Dispatcher::plainError(503, "too many requests are waiting");
    busy.headers.emplace_back("Retry-After", "1");
    reply(std::move(busy));
  }
}

void Connection::refuse(int status, std::string_view text) {
  prepared_.reset();
  send(Dispatcher::plainError(status, text), true);
}

void Connection::fail(const beast::error_code& error) {
  if (timedOut_) {
    ++shared_->timeouts;
    return refuse(408, "request took too long");
  }
  if (error == bhttp::error::end_of_stream || error == boost::asio::error::operation_aborted ||
      error.category() == boost::asio::error::get_system_category())
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
  if (prepared_) shared_->dispatcher.finish(*prepared_, response);
  if (response.status < 200 || response.status > 599) response.status = 500;
  ++shared_->responses[static_cast<std::size_t>(response.status / 100)];

  auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
  message->version(11);
  message->result(static_cast<unsigned>(response.status));
  message->set(bhttp::field::date, httpDate());
  if (!response.body.empty()) message->set(bhttp::field::content_type, response.contentType);
  message->set(bhttp::field::cache_control, "no-store");
  message->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) {
    if (validCookieName(name) && headerSafe(value)) message->set(name, value);
    else log::warn("a servlet's response header was left out: it holds control characters");
  }
  for (const auto& cookie : response.cookies) {
    const std::string text = setCookieHeader(cookie);
    if (!text.empty()) message->insert(bhttp::field::set_cookie, text);
    else log::warn("a cookie was left out: name or value may not stand in a header");
  }
  const bool keep = keepAlive_ && !closeAfter && !shared_->stopping;
  message->keep_alive(keep);
  if (headOnly_) {
    message->content_length(response.body.size());
  } else {
    message->body() = std::move(response.body);
    message->prepare_payload();
  }
  auto serializer = std::make_shared<bhttp::response_serializer<bhttp::string_body>>(*message);
  prepared_.reset();
  expire(shared_->dispatcher.settings().writeTimeoutMillis);
  const auto done = [self = shared_from_this(), message, serializer, keep, closeAfter](
                        const beast::error_code& error, std::size_t) {
    if (error && self->timedOut_) ++self->shared_->timeouts;
    if (error) return self->close();
    if (keep) return self->waitForRequest();
    if (!closeAfter) return self->close();
    beast::error_code ignored;
    self->socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    self->expire(kLingerMillis);
    self->drain();
  };
  if (headOnly_) bhttp::async_write_header(socket_, *serializer, done);
  else bhttp::async_write(socket_, *serializer, done);
}

void Connection::drain() {
  if (timedOut_) return close();
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadChunk / 2),
                          [self = shared_from_this()](const beast::error_code& error,
                                                      std::size_t) {
                            if (error) return self->close();
                            self->drain();
                          });
}

void Connection::closeIfIdle() {
  if (idle_) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  beast::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  expireNever();
}

}  // namespace ox::http
