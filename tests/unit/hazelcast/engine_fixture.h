// Real members in one process on loopback: each with its own shards, workers and free ports.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine.h"
#include "net/acceptor.h"
#include "serialization/data.h"

namespace ox::grid::test {

using serialization::toData;

// Polls until the condition holds, 20 s at most. A condition, not a time, ends the wait.
inline bool eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// `count` neighbouring free ports below the ephemeral range; another process may still take one,
// which the port auto-increment does not hide here: the start fails and says so.
inline std::uint16_t freePorts(int count) {
  static std::atomic<int> next{20000 + static_cast<int>(::getpid() % 500) * 20};
  net::Shard shard(-1, "probe");
  for (;;) {
    const int first = next.fetch_add(count);
    bool all = true;
    for (int p = first; p < first + count && all; ++p)
      all = net::Acceptor::open(shard, "127.0.0.1", static_cast<std::uint16_t>(p), 1, {}).ok();
    if (all) return static_cast<std::uint16_t>(first);
  }
}

struct Node {
  std::shared_ptr<net::ShardSet> shards;
  std::shared_ptr<net::Workers> workers;
  std::unique_ptr<Engine> engine;
  ~Node() {
    engine.reset();
    if (workers) workers->stop();  // a task that has just ended may hold the engine's last piece
    if (shards) shards->stop();
  }
  Engine* operator->() { return engine.get(); }
};

inline GridConfig configFor(std::uint16_t port, const std::vector<std::uint16_t>& others) {
  GridConfig c;
  c.clusterName = std::string("test-10.1");
  c.join = "static";
  for (const auto p : others) c.nodes.push_back({"127.0.0.1", p, true});
  c.port = port;
  c.portTries = 1;
  c.leaveMillis = 15000;
  c.callTimeoutMillis = 15000;
  return c;
}

inline std::unique_ptr<Node> startNode(GridConfig config, int shards = 2) {
  auto node = std::make_unique<Node>();
  node->shards = std::make_shared<net::ShardSet>(shards);
  node->workers = std::make_shared<net::Workers>(1, 100, "test-worker");
  node->engine = std::make_unique<Engine>(std::move(config), node->shards, node->workers);
  const Status started = node->engine->start();
  if (!started) throw std::runtime_error(started.error().toString());
  return node;
}

inline bool isWhole(Node& node, std::size_t members) {
  const auto s = node->state();
  return s.joined && s.members.size() == members && s.safe;
}

// N members that know each other, started at once and settled.
struct Cluster {
  std::vector<std::uint16_t> ports;
  std::vector<std::unique_ptr<Node>> nodes;
  std::function<void(GridConfig&)> tune;

  explicit Cluster(int count, std::function<void(GridConfig&)> t = {}) : tune(std::move(t)) {
    const std::uint16_t first = freePorts(count);
    for (int i = 0; i < count; ++i) ports.push_back(static_cast<std::uint16_t>(first + i));
    for (int i = 0; i < count; ++i) nodes.push_back(make(i));
  }
  std::unique_ptr<Node> make(int i, int shards = 2) {
    GridConfig c = configFor(ports[static_cast<std::size_t>(i)], ports);
    if (tune) tune(c);
    return startNode(std::move(c), shards);
  }
  bool whole() {
    std::size_t alive = 0;
    for (auto& n : nodes) alive += n ? 1 : 0;
    for (auto& n : nodes)
      if (n && !isWhole(*n, alive)) return false;
    return true;
  }
  Engine& operator[](std::size_t i) { return *nodes[i]->engine; }
};

}  // namespace ox::grid::test
