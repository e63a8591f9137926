#include "http/client_connection.h"

#include <chrono>
#include <ctime>

#include "base/log.h"
#include "http/cookies.h"

namespace ox::http {
namespace {
namespace beast = boost::beast;

bool headerSafe(std::string_view text) {
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

}  // namespace

std::string_view httpDate() {
  thread_local std::time_t of = -1;
  thread_local char text[40];
  thread_local std::size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != of) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    of = now;
  }
  return {text, length};
}

// The promise behind a Reply: the first answer counts; none at all is an answer 500.
class ClientConnection::Answer {
 public:
  explicit Answer(std::shared_ptr<ClientConnection> connection)
      : connection_(std::move(connection)) {}
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
  std::shared_ptr<ClientConnection> connection_;
  std::atomic<bool> given_{false};
};

ClientConnection::ClientConnection(std::shared_ptr<Shared> shared, net::Shard& shard,
                                   boost::asio::ip::tcp::socket&& socket,
                                   std::shared_ptr<boost::asio::ssl::context> tls)
    : shared_(std::move(shared)), shard_(shard), stream_(std::move(socket), std::move(tls)),
      timer_(stream_.get_executor()) {}

ClientConnection::~ClientConnection() {
  releaseBody();
  std::lock_guard lock(shared_->mutex);
  shared_->open.erase(this);
  shared_->changed.notify_all();
}

void ClientConnection::expire(std::int64_t millis) {
  timedOut_ = false;
  deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(millis);
  if (deadline_ < armedFor_) arm(deadline_);
}

void ClientConnection::expireNever() {
  timedOut_ = false;
  deadline_ = Moment::max();
}

void ClientConnection::arm(Moment at) {
  armedFor_ = at;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this(), at](const beast::error_code& error) {
    const auto self = weak.lock();
    // A wait whose handler was under way when the timer was set anew must not count.
    if (error || !self || self->armedFor_ != at) return;
    self->armedFor_ = Moment::max();
    if (self->deadline_ == Moment::max()) return;
    if (self->deadline_ > std::chrono::steady_clock::now()) return self->arm(self->deadline_);
    self->deadline_ = Moment::max();
    self->timedOut_ = true;
    beast::error_code ignored;
    self->stream_.socket().cancel(ignored);
  });
}

std::int64_t ClientConnection::idleMillis() const {
  return shared_->stopping ? settings().lingerMillis : settings().idleTimeoutMillis;
}

void ClientConnection::start() {
  beast::error_code error;
  stream_.socket().set_option(boost::asio::ip::tcp::no_delay(true), error);
  if (!error) stream_.socket().non_blocking(true, error);
  const auto peer = stream_.socket().remote_endpoint(error);
  if (error) return;
  remote_ = peer.address().to_string();
  if (!stream_.tls()) return begin();
  expire(settings().headerTimeoutMillis);
  stream_.tls()->async_handshake(boost::asio::ssl::stream_base::server,
                                 [self = shared_from_this()](const beast::error_code& failed) {
                                   if (!failed) return self->begin();
                                   ++self->shared_->tlsFailures;
                                   self->close();
                                 });
}

void ClientConnection::linger() {
  if (idle_ && !closed_) expire(settings().lingerMillis);
}

void ClientConnection::handle(RawRequest raw) {
  raw.remoteAddress = raw.remoteAddress.empty() ? remote_ : std::move(raw.remoteAddress);
  prepared_ = std::make_shared<Dispatcher::Prepared>(shared_->dispatcher.prepare(std::move(raw)));
  if (prepared_->refusal) {
    Response refusal = std::move(*prepared_->refusal);
    return send(std::move(refusal), false);
  }
  if (Response response; shared_->dispatcher.runAtOnce(*prepared_, response))
    return send(std::move(response), false);
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

void ClientConnection::refuse(int status, std::string_view text) {
  prepared_.reset();
  send(Dispatcher::plainError(status, text), true);
}

void ClientConnection::complete(Response& response) {
  if (prepared_) shared_->dispatcher.finish(*prepared_, response);
  prepared_.reset();
  releaseBody();
  if (response.status < 200 || response.status > 599) response.status = 500;
  ++shared_->responses[static_cast<std::size_t>(response.status / 100)];
}

bool ClientConnection::fieldAllowed(const std::string& name, const std::string& value) {
  return validCookieName(name) && headerSafe(value);
}

void ClientConnection::leftOut(const char* what) {
  log::warn(std::string(what) + " was left out: it holds characters that no header may have");
}

bool ClientConnection::holdBody(std::size_t bytes) {
  if (bytes <= heldBody_) return true;
  const std::size_t more = bytes - heldBody_;
  if (shared_->heldBodies.fetch_add(more) + more > shared_->maxHeldBodies) {
    shared_->heldBodies -= more;
    return false;
  }
  heldBody_ = bytes;
  return true;
}

void ClientConnection::releaseBody() {
  if (heldBody_ == 0) return;
  shared_->heldBodies -= heldBody_;
  heldBody_ = 0;
}

void ClientConnection::drain() {
  beast::error_code ignored;
  stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  expire(kDrainMillis);
  drained_.resize(kDrainChunk);
  drainMore();
}

void ClientConnection::drainMore() {
  if (timedOut_ || closed_) return close();
  stream_.socket().async_read_some(
      boost::asio::buffer(drained_),
      [self = shared_from_this()](const beast::error_code& error, std::size_t) {
        if (error) return self->close();
        self->drainMore();
      });
}

void ClientConnection::close() {
  if (closed_) return;
  closed_ = true;
  beast::error_code ignored;
  stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.socket().close(ignored);
  expireNever();
}

}  // namespace ox::http
