#include "http/ajp_connection.h"

#include <openssl/crypto.h>

#include <algorithm>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>

#include "base/log.h"

namespace ox::http {
namespace {
namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

bool sameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

AjpConnection::AjpConnection(std::shared_ptr<Shared> shared, net::Shard& shard,
                             asio::ip::tcp::socket&& socket)
    : ClientConnection(std::move(shared), shard, std::move(socket), nullptr) {}

void AjpConnection::waitForPacket() {
  if (closed_) return;
  payload_ = {};
  out_ = {};
  head_.resize(kAjpHead);
  idle_ = true;
  expire(idleMillis());
  stream_.async_read_some(asio::buffer(head_, 1),
                          [self = self()](const ErrorCode& error, std::size_t) {
                            self->idle_ = false;
                            if (error) return self->close();
                            self->expire(self->settings().headerTimeoutMillis);
                            asio::async_read(
                                self->stream_, asio::buffer(self->head_.data() + 1, kAjpHead - 1),
                                [self](const ErrorCode& failed, std::size_t) {
                                  if (failed) return self->failed();
                                  self->readPayload(&AjpConnection::packetDone);
                                });
                          });
}

void AjpConnection::readPacket(Step then, std::int64_t millis) {
  expire(millis);
  asio::async_read(stream_, asio::buffer(head_),
                   [self = self(), then](const ErrorCode& error, std::size_t) {
                     if (error) return self->failed();
                     self->readPayload(then);
                   });
}

void AjpConnection::readPayload(Step then) {
  const auto length = ajpLength(head_);
  if (!length) return broken(length.error());
  payload_.resize(*length);
  asio::async_read(stream_, asio::buffer(payload_),
                   [self = self(), then](const ErrorCode& error, std::size_t) {
                     if (error) return self->failed();
                     (self.get()->*then)();
                   });
}

void AjpConnection::packetDone() {
  if (payload_.empty()) return waitForPacket();  // the end of a body that nobody waited for
  switch (static_cast<AjpCode>(static_cast<std::uint8_t>(payload_[0]))) {
    case AjpCode::kForward: return requestDone();
    case AjpCode::kCping: return say(ajpCpong(), &AjpConnection::waitForPacket);
    case AjpCode::kPing:      // of mod_jk's earlier forms: nothing is expected
    case AjpCode::kShutdown:  // nobody may stop a node this way
      return waitForPacket();
  }
  broken(Error(Code::kNetProtocol, "AJP: unknown packet"));
}

void AjpConnection::requestDone() {
  ++shared_->requests;
  ++shared_->ajpRequests;
  auto parsed = parseAjpRequest(payload_);
  if (!parsed) return broken(parsed.error());
  request_ = std::move(*parsed);
  headOnly_ = request_.raw.method == "HEAD";
  bodyDeadline_ = std::chrono::steady_clock::now() +
                  std::chrono::milliseconds(settings().requestTimeoutMillis);
  if (!settings().ajpSecret.empty() && !sameSecret(request_.secret, settings().ajpSecret)) {
    if (shared_->ajpSecrets++ == 0)
      log::warn("AJP: a request from " + remote_ +
                " came without the right secret (said once, counted in ox_http_ajp_secrets_total)");
    return refuse(403, "the secret of the AJP connector is missing or wrong");
  }
  if (request_.contentLength.value_or(0) > settings().maxBodyBytes)
    return refuse(413, "request body is too large");
  if (request_.chunked) return askForPiece();
  if (request_.contentLength.value_or(0) == 0) return bodyDone();
  readPiece();  // the first one comes unasked
}

void AjpConnection::pieceDone() {
  const auto piece = parseAjpBody(payload_);
  if (!piece) return broken(piece.error());
  std::string& body = request_.raw.body;
  if (piece->empty()) {
    if (!request_.chunked && body.size() < *request_.contentLength)
      return broken(Error(Code::kNetProtocol, "AJP: the body is shorter than its length"));
    return bodyDone();
  }
  const std::uint64_t most = request_.chunked ? settings().maxBodyBytes : *request_.contentLength;
  if (body.size() + piece->size() > most) return refuse(413, "request body is too large");
  if (!holdBody(body.size() + piece->size()))
    return refuse(503, "too many large requests at the same time");
  body += *piece;
  if (!request_.chunked && body.size() == most) return bodyDone();
  askForPiece();
}

void AjpConnection::askForPiece() {
  std::size_t want = kAjpBodyPiece;
  if (!request_.chunked)
    want = std::min<std::size_t>(want, *request_.contentLength - request_.raw.body.size());
  say(ajpAskBody(want), &AjpConnection::readPiece);
}

void AjpConnection::readPiece() {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      bodyDeadline_ - std::chrono::steady_clock::now());
  timedOut_ = left.count() <= 0;
  if (timedOut_) return failed();
  readPacket(&AjpConnection::pieceDone,
             std::min<std::int64_t>(left.count(), settings().bodyTimeoutMillis));
}

void AjpConnection::bodyDone() {
  expireNever();
  payload_ = {};
  if (!request_.jvmRoute.empty()) {
    request_.raw.attributes.emplace_back("jvm_route", request_.jvmRoute);
    if (request_.jvmRoute != settings().backendRoute)
      log::debug("AJP: the web server knows this node as " + request_.jvmRoute);
  }
  handle(std::move(request_.raw));
}

void AjpConnection::send(Response response, bool closeAfter) {
  if (closed_) return;
  complete(response);
  std::vector<std::pair<std::string, std::string>> headers;
  eachField(response, [&headers](std::string_view name, std::string_view value) {
    headers.emplace_back(name, value);
  });
  headers.emplace_back("Content-Length", std::to_string(response.body.size()));
  const auto reason = boost::beast::http::obsolete_reason(
      static_cast<boost::beast::http::status>(response.status));
  auto packet = ajpHeaders(response.status, std::string_view(reason.data(), reason.size()), headers);
  if (!packet) {
    log::warn("an answer's header is too large for AJP");
    response = Dispatcher::plainError(500, "internal error");
    packet = ajpHeaders(500, "Internal Server Error",
                        {{"Content-Length", std::to_string(response.body.size())}});
  }
  out_ = std::move(*packet);
  const std::string_view body = headOnly_ ? std::string_view() : std::string_view(response.body);
  for (std::size_t at = 0; at < body.size(); at += kAjpBodyPiece)
    appendAjpBody(out_, body.substr(at, kAjpBodyPiece));
  const bool keep = !closeAfter && !shared_->stopping;
  out_ += ajpEnd(keep);
  expire(settings().writeTimeoutMillis);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = self(), keep](const ErrorCode& error, std::size_t) {
                      if (error && self->timedOut_) ++self->shared_->timeouts;
                      if (error) return self->close();
                      if (keep) return self->waitForPacket();
                      self->drain();
                    });
}

void AjpConnection::say(std::string bytes, Step then) {
  out_ = std::move(bytes);
  expire(settings().writeTimeoutMillis);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = self(), then](const ErrorCode& error, std::size_t) {
                      if (error) return self->close();
                      (self.get()->*then)();
                    });
}

void AjpConnection::broken(const Error&) {
  ++shared_->parseErrors;
  close();
}

void AjpConnection::failed() {
  if (timedOut_) ++shared_->timeouts;
  close();
}

}  // namespace ox::http
