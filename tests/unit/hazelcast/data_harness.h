// Several ShardCores with a network, a clock and views made by hand. For the data_* tests.
//
// The network keeps the order of each direction; breaking a link loses what is in flight and tells
// both sides. Threads: one.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "member_protocol/message.h"
#include "partition/shard_core.h"

namespace ox::grid::test {

using services::MapOp;
using services::MapReply;
using services::MapRequest;

struct ManualClock final : Clock {
  std::int64_t nanos = 1'000'000'000;
  std::int64_t wall = 1'700'000'000'000;
  std::int64_t steadyNanos() const override { return nanos; }
  std::int64_t wallMillis() const override { return wall; }
  void advance(std::int64_t millis) {
    nanos += millis * 1'000'000;
    wall += millis;
  }
};

// The clock of one member: its wall clock may be off.
struct MemberClock final : Clock {
  explicit MemberClock(const ManualClock& t) : time(t) {}
  const ManualClock& time;
  std::int64_t ahead = 0;
  std::int64_t steadyNanos() const override { return time.nanos; }
  std::int64_t wallMillis() const override { return time.wall + ahead; }
};

// What became of a call.
template <typename T>
struct Answer {
  std::shared_ptr<std::vector<Result<T>>> got = std::make_shared<std::vector<Result<T>>>();
  services::Completion<T> take() const {
    return [got = got](Result<T> r) { got->push_back(std::move(r)); };
  }
  bool done() const { return !got->empty(); }
  const T& value() const {
    REQUIRE(got->size() == 1);
    REQUIRE_MESSAGE(got->front().ok(), got->front().error().toString());
    return got->front().value();
  }
  Code code() const {
    REQUIRE(got->size() == 1);
    REQUIRE(!got->front().ok());
    return got->front().error().code;
  }
};

class Cluster {
 public:
  struct Node final : ShardHost {
    Cluster* cluster = nullptr;
    MemberId id;
    bool dead = false;
    std::unique_ptr<MemberClock> clock;
    std::unique_ptr<ShardCore> core;
    std::vector<std::pair<ViewId, Migration>> done;
    std::vector<std::string> logs;
    std::vector<std::pair<std::string, services::TopicMessage>> delivered;
    void send(const MemberId& to, Bytes frame) override {
      cluster->send(id, to, std::move(frame));
    }
    void migrationDone(const ViewId& view, const Migration& migration) override {
      done.emplace_back(view, migration);
    }
    int pauses = 0;
    std::uint64_t fence = 0;  // of the last pause
    void paused(std::uint64_t number) override {
      ++pauses;
      fence = number;
    }
    void confirmed() { core->confirmed({fence}); }
    void log(int level, const std::string& text) override {
      if (level >= 0) logs.push_back(text);
    }
  };

  using Tune = std::function<void(ShardSettings&)>;
  explicit Cluster(int nodes, MapConfigs configs = {}, int partitions = 1, Tune tune = {})
      : partitions_(partitions), tune_(std::move(tune)) {
    maps_ = std::make_shared<MapConfigs>(std::move(configs));
    for (int i = 0; i < nodes; ++i) addNode();
  }

  int addNode() {
    auto node = std::make_unique<Node>();
    node->cluster = this;
    node->id = {7, nodes_.size() + 1};
    node->clock = std::make_unique<MemberClock>(clock);
    ShardSettings settings;
    settings.self = node->id;
    settings.copyChunkBytes = 512;
    if (tune_) tune_(settings);
    node->core = std::make_unique<ShardCore>(settings, maps_, *node->clock, random, *node);
    Node* raw = node.get();
    node->core->setTopicSinks([raw](const std::string& topic) {
      return std::make_shared<const std::function<void(const services::TopicMessage&)>>(
          [raw, topic](const services::TopicMessage& m) { raw->delivered.emplace_back(topic, m); });
    });
    nodes_.push_back(std::move(node));
    const int added = static_cast<int>(nodes_.size()) - 1;
    for (int i = 0; i < added; ++i) link(i, added);
    return added;
  }

  Node& node(int i) { return *nodes_[static_cast<std::size_t>(i)]; }
  ShardCore& core(int i) { return *node(i).core; }
  MemberId id(int i) { return node(i).id; }

  void link(int a, int b) {
    up_[{id(a), id(b)}] = up_[{id(b), id(a)}] = true;
    core(a).peerUp(id(b));
    core(b).peerUp(id(a));
  }
  void cut(int a, int b) {
    for (const auto& pair : {std::pair{id(a), id(b)}, std::pair{id(b), id(a)}}) {
      up_[pair] = false;
      wire_[pair].clear();
    }
    core(a).peerDown(id(b));
    core(b).peerDown(id(a));
  }
  void crash(int n) {
    for (int i = 0; i < static_cast<int>(nodes_.size()); ++i)
      if (i != n && !node(i).dead) cut(i, n);
    node(n).dead = true;
  }

  // Table: per partition the nodes in replica order (one entry = the same for all partitions).
  ViewPtr view(std::vector<std::vector<int>> table, std::vector<Migration> migrations = {}) {
    auto v = std::make_shared<ClusterView>();
    v->id = {1, ++counter_, id(0)};
    v->clusterName = "test-10.1";
    v->protocol = protocol;
    for (const auto& n : nodes_)
      if (!n->dead)
        v->members.push_back({n->id, {"127.0.0.1", static_cast<std::uint16_t>(n->id.lo)}, false});
    for (int p = 0; p < partitions_; ++p) {
      const auto& row = table[table.size() == 1 ? 0 : static_cast<std::size_t>(p)];
      Replicas r;
      for (const int n : row) r.at[r.count++] = id(n);
      v->partitions.push_back(r);
    }
    v->migrations = std::move(migrations);
    return v;
  }
  void install(const ViewPtr& v) {
    for (auto& n : nodes_)
      if (!n->dead && v->find(n->id) != nullptr) n->core->viewInstalled(v);
  }
  void installNew(std::vector<std::vector<int>> table, std::vector<Migration> migrations = {}) {
    install(view(std::move(table), std::move(migrations)));
  }

  // Frames in flight between two nodes; hold() stops their delivery.
  std::deque<Bytes>& wire(int from, int to) { return wire_[{id(from), id(to)}]; }
  void hold(int from, int to, bool on = true) { held_[{id(from), id(to)}] = on; }
  bool deliverOne() {
    for (auto& [pair, queue] : wire_) {
      if (queue.empty() || held_[pair]) continue;
      Bytes frame = std::move(queue.front());
      queue.pop_front();
      for (auto& n : nodes_)
        if (n->id == pair.second && !n->dead) n->core->received(pair.first, frame);
      return true;
    }
    return false;
  }
  void settle() {
    for (int i = 0; i < 1'000'000 && deliverOne(); ++i) {
    }
  }
  void run(std::int64_t millis) {
    for (std::int64_t t = 0; t < millis; t += 10) {
      clock.advance(10);
      for (auto& n : nodes_)
        if (!n->dead) n->core->tick();
      settle();
    }
  }

  Answer<MapReply> call(int n, MapOp op, const std::string& key, const std::string& value = {},
                        const std::string& map = "m", const std::string& expected = {},
                        std::int64_t ttl = -1, std::int64_t idle = -1, int partition = 0) {
    MapRequest r;
    r.op = op;
    r.key = key;
    r.value = value;
    r.expected = expected;
    r.ttlMillis = ttl;
    r.maxIdleMillis = idle;
    Answer<MapReply> a;
    core(n).execute(map, partition, std::move(r), a.take());
    return a;
  }
  std::string get(int n, const std::string& key, const std::string& map = "m") {
    auto a = call(n, MapOp::kGet, key, {}, map);
    settle();
    return a.value().value.value_or("(none)");
  }

  std::uint16_t protocol = 2;  // of the views made from now on
  ManualClock clock;
  SeededRandom random{1};
  std::map<Kind, int> sent;  // frames by kind

 private:
  void send(const MemberId& from, const MemberId& to, Bytes frame) {
    ++sent[static_cast<Kind>(frame[0])];
    if (up_[{from, to}]) wire_[{from, to}].push_back(std::move(frame));
  }
  using Pair = std::pair<MemberId, MemberId>;
  int partitions_;
  Tune tune_;
  std::uint64_t counter_ = 0;
  std::shared_ptr<const MapConfigs> maps_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<Pair, bool> up_;
  std::map<Pair, bool> held_;
  std::map<Pair, std::deque<Bytes>> wire_;
};

inline MapConfig mapOf(const std::string& name, int backups, int async = 0, std::int64_t ttl = 0,
                       std::int64_t idle = 0) {
  MapConfig c;
  c.name = name;
  c.backupCount = backups;
  c.asyncBackupCount = async;
  c.timeToLiveSeconds = ttl;
  c.maxIdleSeconds = idle;
  return c;
}

}  // namespace ox::grid::test
