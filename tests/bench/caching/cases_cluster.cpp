// Invalidations between two nodes: grid engine, cache events and regions as in the daemon.
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "../grid/yardsticks.h"
#include "cases.h"
#include "engine.h"
#include "events.h"
#include "grid_transport.h"
#include "process.h"
#include "regions.h"
#include "stats.h"

namespace ox::bench {
namespace {

constexpr const char* kRegion = "Bench";
constexpr std::int64_t kWaitNanos = 60'000'000'000;
constexpr std::size_t kEventBytes = 700;  // of the frame of an event with two keys, about

// The two keys of an event: the value to be removed, and when that was asked for.
services::CacheEvent eventOf(std::int32_t number, std::int64_t stamp) {
  services::CacheEvent event;
  event.region = kRegion;
  event.keys = {{number, {}}, {number, {std::to_string(stamp)}}};
  return event;
}

class CacheMember {
 public:
  explicit CacheMember(grid::Engine& engine) : engine_(engine), regions_(settings()) {
    caching::EventSettings events;
    events.senderId = "bench-" + std::to_string(getpid());
    events.process = static_cast<std::uint64_t>(getpid());
    events.regions = [this] { return regions_.clusterWideRegions(); };
    events.trust = [this](std::int64_t until) { regions_.trustUntil(until); };
    std::shared_ptr<services::Grid> grid(&engine, [](services::Grid*) {});
    events_ = std::make_shared<caching::CacheEventsService>(
        std::make_shared<caching::GridTransport>(grid, events.topicCount), std::move(events));
    regions_.attach(events_);
    region_ = regions_.region(kRegion);
    // After the regions: the value is gone when this runs.
    heard_ = events_->subscribe(kRegion, [this](const services::CacheEvent& event, bool fromRemote) {
      if (!fromRemote) return;
      const std::int64_t now = nowNanos();
      std::lock_guard lock(mutex_);
      if (event.keys.empty()) {
        ++flushes_;
        return;
      }
      if (event.keys.size() != 2 || region_->get(services::flatKey(event.keys[0].id))) ++wrong_;
      else delays_.add(now - std::stoll(event.keys[1].parts.at(0)));
    });
  }

  std::string run(std::istringstream& in) {
    std::string command;
    in >> command;
    std::int32_t count = 0;
    double rate = 0;
    if (command == "wait") return wait();
    if (command == "fill") {
      in >> count;
      for (std::int32_t i = 1; i <= count; ++i)
        region_->put(services::flatKey(i), Bytes(256, 'v'));
      std::lock_guard lock(mutex_);
      delays_.clear();
      wrong_ = flushes_ = 0;
      return Line().text();
    }
    if (command == "publish") {
      in >> count >> rate;
      return publish(count, rate);
    }
    if (command == "heard") {
      in >> count;
      return heard(static_cast<std::size_t>(count));
    }
    throw std::runtime_error("unknown command '" + command + "'");
  }

 private:
  static caching::CacheSettings settings() {
    caching::CacheSettings s;
    s.defaults.maxObjects = 0;
    return s;
  }
  std::string wait() {
    const std::int64_t begin = nowNanos();
    while (engine_.state().members.size() != 2 || !engine_.state().safe) {
      if (nowNanos() - begin > kWaitNanos) throw std::runtime_error("the two do not settle");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Line().text();
  }
  // Times count from when each was called; the caller is paced and does not hurry after a delay.
  std::string publish(std::int32_t count, double rate) {
    const std::int64_t begin = nowNanos();
    const double step = 1e9 / rate;
    for (std::int32_t i = 1; i <= count; ++i) {
      const auto due = begin + static_cast<std::int64_t>(step * i);
      while (nowNanos() < due) {
        timespec pause{0, std::max<long>(1, static_cast<long>(due - nowNanos()) - 5'000)};
        nanosleep(&pause, nullptr);
      }
      events_->publish(eventOf(i, nowNanos()));
    }
    return Line().put("seconds", static_cast<double>(nowNanos() - begin) / 1e9).text();
  }
  std::string heard(std::size_t count) {
    const std::int64_t begin = nowNanos();
    for (;;) {
      {
        std::lock_guard lock(mutex_);
        if (delays_.size() + wrong_ >= count) break;
      }
      if (nowNanos() - begin > kWaitNanos) throw std::runtime_error("invalidations are missing");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::lock_guard lock(mutex_);
    if (wrong_ != 0) throw std::runtime_error("a value was not removed");
    return Line()
        .put("p50", delays_.micros(0.5))
        .put("p99", delays_.micros(0.99))
        .put("flushes", static_cast<double>(flushes_))
        .text();
  }

  grid::Engine& engine_;
  caching::Regions regions_;
  std::shared_ptr<caching::CacheEventsService> events_;
  std::shared_ptr<services::CacheRegion> region_;
  std::mutex mutex_;
  Samples delays_;
  std::size_t wrong_ = 0, flushes_ = 0;
  std::unique_ptr<services::Subscription> heard_;
};

}  // namespace

int cacheMemberMain(const std::vector<std::string>& arguments) {
  prctl(PR_SET_PDEATHSIG, 9);
  prctl(PR_SET_TIMERSLACK, 1000);
  grid::GridConfig config;
  config.clusterName = "bench-10.1";
  config.join = arguments.empty() ? "empty" : "static";
  for (const auto& port : arguments)
    config.nodes.push_back({"127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)), true});
  config.port = 0;
  config.portTries = 1;
  config.maps = std::make_shared<grid::MapConfigs>();
  auto shards = std::make_shared<net::ShardSet>(1);
  auto workers = std::make_shared<net::Workers>(1, 100, "bench-worker");
  grid::Engine engine(std::move(config), shards, workers);
  if (const Status started = engine.start(); !started)
    throw std::runtime_error(started.error().toString());
  if (!engine.waitJoined(grid::kJoinWaitMillis)) throw std::runtime_error("not joined");
  CacheMember member(engine);
  std::cout << Line().put("port", engine.address().port).text() << std::endl;
  answerLines([&member](std::istringstream& in) { return member.run(in); });
  std::fflush(nullptr);
  _exit(0);
}

void invalidationCases(CachingContext& context) {
  const std::string log = context.dir + "/caching-members.log";
  Child left({"cache-member"}, 0, log);
  const auto port = static_cast<int>(left.answer().at("port"));
  Child right({"cache-member", std::to_string(port)}, 1, log);
  right.answer();
  left.ask("wait");
  right.ask("wait");
  const EchoSizes sizes{kEventBytes, 32};
  Child server({"echo", std::to_string(sizes.request), std::to_string(sizes.answer)}, 1, log);
  const auto echoPort = static_cast<std::uint16_t>(server.answer().at("port"));
  std::thread([&] {
    pinThread(0);
    for (const int rate : {1'000, 10'000}) {
      const int count = rate * (context.quick ? 1 : 3);
      std::vector<double> p50, p99, echo50;
      double flushes = 0, least = rate;
      for (int round = 0; round < context.rounds(); ++round) {
        echo50.push_back(echo(echoPort, sizes, 1, 0.3).p50);
        right.ask("fill " + std::to_string(count));
        const double seconds =
            left.ask("publish " + std::to_string(count) + " " + std::to_string(rate)).at("seconds");
        const Answer heard = right.ask("heard " + std::to_string(count));
        p50.push_back(heard.at("p50"));
        p99.push_back(heard.at("p99"));
        flushes += heard.at("flushes");
        least = std::min(least, count / seconds);
      }
      Row row;
      row.name = "invalidation, from the call to the removal on the other node, " +
                 std::to_string(rate) + " a second";
      row.placement = "sender on processor 0, receiver on processor 1";
      row.unit = "us";
      row.value = row.p50 = median(p50);
      row.p99 = median(p99);
      row.reference = "epoll echo of the same size, there and back, p50 us";
      row.referenceValue = median(echo50);
      row.ratio = row.value / row.referenceValue;
      row.goal = "p50 below 150 us, p99 below 2000 us";
      row.met = row.p50 < 150 && row.p99 < 2'000;
      char note[80];
      std::snprintf(note, sizeof note, "slowest turn %.0f a second, %.0f flushes", least, flushes);
      row.note = note;
      if (flushes > 0) row.error = "a node was taken for silent: the machine is too busy";
      else if (least < 0.9 * rate) row.error = "the caller was not given its processor";
      context.report.add(row);
    }
  }).join();
}

}  // namespace ox::bench
