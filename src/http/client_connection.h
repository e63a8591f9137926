// What a connection of any of our connectors (HTTP, HTTPS, AJP) is: a place in the list of open
// ones, a timer, one request at a time, an answer from any thread. Included by the connection files
// and listener.cpp only.
//
// Threads:   everything on the shard's thread, except the construction and Reply, which posts.
// Ownership: pending operations and the reply of a running handler keep it alive; it keeps `Shared`.
// Bounds:    the bodies that are held at the same time together at most Shared::maxHeldBodies.
#pragma once

#include <atomic>
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

  std::atomic<std::uint64_t> accepted{0}, refused{0}, requests{0}, parseErrors{0}, timeouts{0},
      workersFull{0}, tlsFailures{0}, ajpRequests{0}, ajpSecrets{0};
  std::atomic<std::uint64_t> responses[6] = {};

  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<ClientConnection*, std::pair<net::Shard*, std::weak_ptr<ClientConnection>>>
      open;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

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
  // Finishes an answer and counts it: all header fields but length and connection.
  HeaderList completed(Response& response);
  // False: too many bodies are held already.
  bool holdBody(std::size_t bytes);
  void releaseBody();
  // Nothing more is said: reads what still comes for a while, then closes.
  void drain();
  // From now on the running operation has so long; then it is cancelled and timedOut_ is set.
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
  void drainMore();

  boost::asio::steady_timer timer_;
  std::shared_ptr<Dispatcher::Prepared> prepared_;
  std::string drained_;
  std::size_t heldBody_ = 0;
};

}  // namespace ox::http
