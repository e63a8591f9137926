#include "member.h"

#include <malloc.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/log.h"
#include "process.h"
#include "workloads.h"
#include "yardsticks.h"

namespace ox::bench {
namespace {
using services::MapOp;

constexpr std::int64_t kWaitNanos = 60'000'000'000;
constexpr int kClusterPort = 0;  // any free one; a joiner is told the first member's

grid::GridConfig configOf(const std::vector<std::uint16_t>& nodes) {
  grid::GridConfig c;
  c.clusterName = "bench-10.1";
  c.join = nodes.empty() ? "empty" : "static";
  for (const auto port : nodes) c.nodes.push_back({"127.0.0.1", port, true});
  c.port = kClusterPort;
  c.portTries = 1;
  auto maps = std::make_shared<grid::MapConfigs>();
  grid::MapConfig plain;
  plain.name = kMap;
  maps->add(plain);
  grid::MapConfig sessions;
  sessions.name = kSessions;
  sessions.indexes = {"contextId", "userId", "altId"};
  maps->add(sessions);
  c.maps = maps;
  return c;
}

std::string shown(LoadResult r) {
  if (r.failures > 0)
    throw std::runtime_error(std::to_string(r.failures) + " operations failed");
  return Line()
      .put("p50", r.samples.micros(0.5))
      .put("p99", r.samples.micros(0.99))
      .put("max", r.samples.micros(1))
      .put("rate", r.perSecond)
      .put("late99", r.late.micros(0.99))
      .put("stalls", static_cast<double>(r.stalls))
      .put("stalled", r.stalledMillis)
      .put("count", static_cast<double>(r.samples.size()))
      .text();
}

std::string shown(TurnsResult r) {
  const auto ratio = [&](const std::vector<double>& p50) {
    std::vector<double> all;
    for (std::size_t i = 0; i < p50.size(); ++i) all.push_back(p50[i] / r.empty50[i]);
    return median(all);
  };
  std::vector<double> sorted = r.empty50;
  std::sort(sorted.begin(), sorted.end());
  return Line()
      .put("empty50", median(r.empty50))
      .put("low", sorted[sorted.size() / 4])
      .put("high", sorted[sorted.size() * 3 / 4])
      .put("get50", median(r.get50))
      .put("get99", r.get.micros(0.99))
      .put("get-ratio", ratio(r.get50))
      .put("set50", median(r.set50))
      .put("set99", r.set.micros(0.99))
      .put("set-ratio", ratio(r.set50))
      .text();
}

std::string shown(Samples s) {
  return Line().put("p50", s.micros(0.5)).put("p99", s.micros(0.99)).text();
}

MapOp opOf(const std::string& name) {
  if (name == "get") return MapOp::kGet;
  if (name == "set") return MapOp::kSet;
  throw std::runtime_error("operation '" + name + "'");
}

Keys keysOf(const std::string& name) {
  if (name == "own") return Keys::kOwn;
  if (name == "other") return Keys::kOther;
  if (name == "any") return Keys::kAny;
  throw std::runtime_error("keys '" + name + "'");
}

class Session {
 public:
  explicit Session(MemberUnderTest& m) : m_(m) {}

  std::string run(std::istringstream& in) {
    std::string command, op, keys;
    in >> command;
    double seconds = 0;
    if (command == "wait") {
      std::size_t members = 0;
      in >> members;
      return wait(members);
    }
    if (command == "pin-shard") {
      int cpu = 0;
      in >> cpu;
      m_.shards->at(0).runAndWait([cpu] { pinThread(cpu); });
      return Line().text();
    }
    if (command == "post") {
      int loopCpu = 0, cpu = 0;
      in >> seconds >> loopCpu >> cpu;
      Samples samples;
      std::thread([&] {
        pinThread(cpu);
        samples = postAndReturn(loopCpu, seconds);
      }).join();
      return shown(std::move(samples));
    }
    if (command == "turns") {
      int turns = 0, cpu = 0;
      std::size_t bytes = 0;
      in >> turns >> seconds >> bytes >> cpu;
      return shown(inTurns(m_, turns, seconds, bytes, cpu));
    }
    if (command == "closed") {
      int threads = 0, cpu = -1;
      std::size_t bytes = 0;
      in >> op >> keys >> threads >> seconds >> bytes >> cpu;
      return shown(closedLoop(m_, opOf(op), threads, seconds, bytes, keysOf(keys), cpu));
    }
    if (command == "open") {
      double rate = 0;
      std::size_t bytes = 0;
      in >> rate >> seconds >> bytes;
      return shown(openLoop(m_, rate, seconds, bytes));
    }
    if (command == "inside") {
      in >> op >> seconds;
      return shown(insideShard(m_, opOf(op), seconds));
    }
    if (command == "plain-map") {
      in >> op >> seconds;
      Samples samples;
      m_.shards->at(0).runAndWait([&] { samples = plainHashMap(opOf(op), seconds); });
      return shown(std::move(samples));
    }
    if (command == "fill") {
      std::uint64_t count = 0;
      std::size_t bytes = 0;
      in >> count >> bytes;
      return Line().put("rate", fill(m_, kMap, count, bytes)).text();
    }
    if (command == "fill-sessions") {
      std::uint64_t count = 0;
      in >> count;
      return Line().put("rate", fillSessions(m_, count)).text();
    }
    if (command == "look-up-sessions") {
      std::uint64_t count = 0;
      in >> count;
      lookUpSessions(m_, count);
      return Line().text();
    }
    if (command == "memory")
      return Line().put("rss", residentMiB()).put("peak", memoryMiB("VmHWM")).text();
    if (command == "begin") {
      std::size_t bytes = 0;
      std::uint64_t count = 0;
      in >> bytes >> count;
      background_ = std::make_unique<Background>(m_, bytes, count);
      return Line().text();
    }
    if (command == "end") return shown(background_->end());
    if (command == "subscribe") {
      subscriber_ = std::make_unique<Subscriber>(m_);
      return Line().text();
    }
    if (command == "received") {
      std::uint64_t count = 0;
      in >> count;
      return subscriber_->wait(count);
    }
    if (command == "publish") {
      std::uint64_t count = 0;
      std::size_t bytes = 0;
      double rate = 0;
      in >> count >> bytes >> rate;
      return Line().put("refused", static_cast<double>(publish(m_, count, bytes, rate))).text();
    }
    if (command == "failover") {
      int victim = 0;
      in >> victim;
      return failOver(m_, victim);
    }
    throw std::runtime_error("unknown command '" + command + "'");
  }

 private:
  // Until the cluster has that many members, all copies exist and nothing moves.
  std::string wait(std::size_t members) const {
    const std::int64_t begin = nowNanos();
    for (;;) {
      const auto state = m_.engine->state();
      if (state.joined && state.members.size() == members && state.safe &&
          (members == 1 || state.ownedPartitions < state.partitionCount))
        break;
      if (nowNanos() - begin > kWaitNanos)
        throw std::runtime_error("the cluster did not settle with " + std::to_string(members) +
                                 " members");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Line().put("at", static_cast<double>(nowNanos())).text();
  }

  MemberUnderTest& m_;
  std::unique_ptr<Background> background_;
  std::unique_ptr<Subscriber> subscriber_;
};
}  // namespace

int memberMain(const std::vector<std::string>& arguments) {
  prctl(PR_SET_PDEATHSIG, 9);
  prctl(PR_SET_TIMERSLACK, 1000);  // paced callers are late by a microsecond, not by fifty
  int shards = 1;
  std::vector<std::uint16_t> nodes;
  double throttle = 0;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    if (arguments[i] == "--shards") shards = std::stoi(arguments[i + 1]);
    if (arguments[i] == "--node")
      nodes.push_back(static_cast<std::uint16_t>(std::stoi(arguments[i + 1])));
    if (arguments[i] == "--throttle") throttle = std::stod(arguments[i + 1]);
  }
  MemberUnderTest m;
  m.shards = std::make_shared<net::ShardSet>(shards);
  m.workers = std::make_shared<net::Workers>(1, 100, "bench-worker");
  grid::GridConfig config = configOf(nodes);
  config.migrationBytesPerSecond = static_cast<std::int64_t>(throttle);
  m.engine = std::make_unique<grid::Engine>(std::move(config), m.shards, m.workers);
  const Status started = m.engine->start();
  if (!started) {
    std::cout << "error " << started.error().toString() << std::endl;
    return 1;
  }
  if (!m.engine->waitJoined(grid::kJoinWaitMillis)) {
    std::cout << "error not joined" << std::endl;
    return 1;
  }
  const std::int64_t joined = nowNanos();
  // Serving: an operation asked of this member is answered.
  const auto probe = m.map(kMap)->set(keyOf(0), valueOf(0, 100));
  const std::int64_t served = nowNanos();
  if (!probe) {
    std::cout << "error " << probe.error().toString() << std::endl;
    return 1;
  }
  std::cout << Line()
                   .put("port", m.engine->address().port)
                   .put("joined", static_cast<double>(joined))
                   .put("served", static_cast<double>(served))
                   .text()
            << std::endl;
  Session session(m);
  answerLines([&session](std::istringstream& in) { return session.run(in); });
  std::fflush(nullptr);
  _exit(0);  // killed in the end anyway; nobody waits for a hand-over
}

}  // namespace ox::bench
