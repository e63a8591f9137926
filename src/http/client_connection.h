// What a connection of any of our connectors (HTTP, HTTPS, AJP) is: a place in the list of open
// ones, a timer, one request at a time, an answer from any thread. Included by the connection files
// and listener.cpp only.
//
// Threads:   everything on the shard's thread, except the construction and Reply, which posts.
// Ownership: pending operations and the reply of a running handler keep it alive; it keeps `Shared`.
// Bounds:    the bodies that are held at the same time together at most Shared::maxHeldBodies.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>

#include "http/client_stream.h"
#include "http/cookies.h"
#include "http/dispatcher.h"
#include "net/shard.h"
#include "net/workers.h"

namespace ox::http {

inline constexpr std::size_t kDrainChunk = 16 * 1024;
// How long the rest of a refused request is read and thrown away, so that the client gets our
// answer instead of a reset.
inline constexpr int kDrainMillis = 1000;
inline constexpr std::size_t kLeastHeldBodies = std::size_t{512} << 20;

class ClientConnection;

// What all connections of a server have in common; outlives the server while one is open.
struct Shared {
  Shared(HttpSettings settings, net::Workers& pool)
      : dispatcher(std::move(settings), secureRandom()), workers(pool),
        maxHeldBodies(std::max(kLeastHeldBodies, 2 * dispatcher.settings().maxBodyBytes)) {}

  Dispatcher dispatcher;
  net::Workers& workers;
  const std::size_t maxHeldBodies;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> heldBodies{0};

  // Away from what every request only reads.
  alignas(64) std::atomic<std::uint64_t> accepted{0}, refused{0}, requests{0}, parseErrors{0}, timeouts{0},
      workersFull{0}, tlsFailures{0}, ajpRequests{0}, ajpSecrets{0};
  std::atomic<std::uint64_t> responses[6] = {};

  alignas(64) std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<ClientConnection*, std::pair<net::Shard*, std::weak_ptr<ClientConnection>>>
      open;
};

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<Shared> shared, net::Shard& shard,
                   boost::asio::ip::tcp::socket&& socket,
                   std::shared_ptr<boost::asio::ssl::context> tls);
  virtual ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  void start();
  // A stop has begun: an idle connection may still bring a request for lingerMillis.
  void linger();
  void close();

 protected:
  virtual void begin() = 0;  // the handshake, if any, is over
  virtual void send(Response response, bool closeAfter) = 0;

  const HttpSettings& settings() const { return shared_->dispatcher.settings(); }
  // Hands a request to the dispatcher; send() follows.
  void handle(RawRequest raw);
  // Sends an answer outside the dispatcher and closes afterwards.
  void refuse(int status, std::string_view text);
  // Finishes an answer and counts it. Its header fields: all but length and connection, as
  // header(name, value); the cookies last.
  void complete(Response& response);
  template <typename F>
  void eachField(const Response& response, F&& header) const;
  // False: too many bodies are held already.
  bool holdBody(std::size_t bytes);
  void releaseBody();
  // Nothing more is said: reads what still comes for a while, then closes.
  void drain();
  // From now on the running operation has so long; then it is cancelled and timedOut_ is set. A timer
  // that is armed already for an earlier moment stays: it looks again then, so that a busy connection
  // does not set one several times per request.
  void expire(std::int64_t millis);
  void expireNever();
  std::int64_t idleMillis() const;

  std::shared_ptr<Shared> shared_;
  net::Shard& shard_;
  ClientStream stream_;
  std::string remote_;
  bool idle_ = false;  // waits for the first byte of a request
  bool closed_ = false;
  bool timedOut_ = false;

 private:
  class Answer;
  using Moment = std::chrono::steady_clock::time_point;
  void arm(Moment at);
  void drainMore();
  static bool fieldAllowed(const std::string& name, const std::string& value);
  static void leftOut(const char* what);

  boost::asio::steady_timer timer_;
  Moment deadline_ = Moment::max();
  Moment armedFor_ = Moment::max();  // max: it is not
  std::shared_ptr<Dispatcher::Prepared> prepared_;
  std::string drained_;
  std::size_t heldBody_ = 0;
};

// The date of an answer, as text of this second; valid until the next call of this thread.
std::string_view httpDate();

template <typename F>
void ClientConnection::eachField(const Response& response, F&& header) const {
  // A field of the servlet replaces ours, a later one an earlier one of the same name.
  const auto given = [&](std::string_view name, std::size_t from) {
    for (std::size_t i = from; i < response.headers.size(); ++i)
      if (response.headers[i].first == name &&
          fieldAllowed(response.headers[i].first, response.headers[i].second))
        return true;
    return false;
  };
  const auto ours = [&](std::string_view name, std::string_view value) {
    if (!given(name, 0)) header(name, value);
  };
  ours("Date", httpDate());
  if (!response.body.empty()) ours("Content-Type", response.contentType);
  ours("Cache-Control", "no-store");
  ours("X-Content-Type-Options", "nosniff");
  for (std::size_t i = 0; i < response.headers.size(); ++i) {
    const auto& [name, value] = response.headers[i];
    if (!fieldAllowed(name, value)) leftOut("a servlet's response header");
    else if (!given(name, i + 1)) header(std::string_view(name), std::string_view(value));
  }
  for (const Cookie& cookie : response.cookies) {
    const std::string text = setCookieHeader(cookie);
    if (text.empty()) leftOut("a cookie");
    else header(std::string_view("Set-Cookie"), std::string_view(text));
  }
}

}  // namespace ox::http
