// Liveness: the probe on com.openexchange.connector.livenessPort: is this process still worth
// running? GET /live answers 200 as long as every event loop of the node has turned within
// kStallMillis, else 503 with the loops that stand still. It says nothing about the cluster, the
// database or readiness, so that a supervisor restarts nothing that waits for others.
//
// Threads:   its own shard, independent of those it watches. start() and stop() from one thread;
//            stop() before the watched shards end.
// Ownership: keeps its shard and its server; the watched shards and the workers belong to the caller.
// Errors:    start() NET-0006 when the port is taken.
// Source:    the original's liveness end-point (port 8016, answers while the process lives).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "http/server.h"

namespace ox::http {

inline constexpr std::int64_t kStallMillis = 30'000;
inline constexpr std::int64_t kBeatMillis = 1'000;

class Liveness {
 public:
  Liveness(std::string host, std::uint16_t port, net::ShardSet& watched, net::Workers& workers,
           Clock& clock = systemClock());
  ~Liveness();  // stop()
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;

  Status start();
  void stop();
  std::uint16_t port() const { return server_.port(); }

 private:
  struct Loop {
    std::atomic<std::int64_t> turnedAt{0};
    std::atomic<bool> asked{false};  // at most one question is under way
  };
  void beat();
  Response answer() const;

  net::ShardSet& watched_;
  Clock& clock_;
  const std::shared_ptr<std::vector<Loop>> loops_;
  net::ShardSet own_;
  HttpServer server_;
  std::shared_ptr<void> servlet_;
  std::atomic<bool> running_{false};
};

}  // namespace ox::http
