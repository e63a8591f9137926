#include "session_store.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <thread>

#include "attribute_record.h"
#include "engine.h"
#include "grid_link.h"
#include "process.h"
#include "session_core.h"
#include "session_values.h"
#include "stats.h"

namespace ox::bench {
namespace {
namespace storage = sessionstorage;

constexpr std::int64_t kWaitNanos = 60'000'000'000;
constexpr std::size_t kInFlight = 512;

grid::GridConfig configOf(const std::vector<std::uint16_t>& nodes) {
  grid::GridConfig c;
  c.clusterName = "bench-sessions";
  c.join = nodes.empty() ? "empty" : "static";
  for (const auto port : nodes) c.nodes.push_back({"127.0.0.1", port, true});
  c.port = 0;  // any free one
  c.portTries = 1;
  auto maps = std::make_shared<grid::MapConfigs>();
  grid::MapConfig sessions;
  sessions.name = storage::kSessionsMap;
  sessions.indexes = {"altId", "authId", "contextId", "userId"};
  maps->add(sessions);
  c.maps = maps;
  return c;
}

class Store {
 public:
  explicit Store(const std::vector<std::uint16_t>& nodes)
      : shards_(std::make_shared<net::ShardSet>(1)),
        workers_(std::make_shared<net::Workers>(2, 1000, "bench-worker")),
        engine_(std::make_shared<grid::Engine>(configOf(nodes), shards_, workers_)) {
    if (const Status started = engine_->start(); !started.ok())
      throw std::runtime_error(started.error().toString());
    if (!engine_->waitJoined(grid::kJoinWaitMillis)) throw std::runtime_error("not joined");
    const std::shared_ptr<services::Grid> grid = engine_;
    if (!grid->registerProcessor(storage::kAttributeProcessor, storage::runAttributeCommand).ok())
      throw std::runtime_error("no attribute processor");
    auto executor = grid->executor();
    if (!executor.ok()) throw std::runtime_error(executor.error().toString());
    const storage::SessionRecords::Maps maps{grid->map(storage::kSessionsMap),
                                             grid->map(storage::kAttributesMap),
                                             grid->map(storage::kEndingsMap)};
    records_ = std::make_shared<storage::SessionRecords>(
        maps, std::make_shared<storage::ExecutorWire>(grid, *executor), storage::StorageSettings(),
        "a key for the bench", systemClock());
    link_ = std::make_unique<storage::GridLink>(grid, maps.endings, records_);
    if (!link_->start(**executor).ok()) throw std::runtime_error("no link to the grid");
    sessiond::SessiondSettings settings;
    settings.maxSession = 0;
    core_ = std::make_shared<sessiond::SessionCore>(settings, systemClock(), records_);
    core_->start();
  }
  std::uint16_t port() const { return engine_->address().port; }

  std::string run(std::istringstream& in) {
    std::string command;
    in >> command;
    if (command == "wait") {
      std::size_t members = 0;
      in >> members;
      return wait(members);
    }
    if (command == "reserve") {
      std::size_t count = 0;
      in >> count;
      ids_.resize(count);  // written: what the bench itself holds is there before it measures
      return Line().text();
    }
    if (command == "admit") {
      std::uint64_t first = 0;
      in >> first;
      return admit(first);
    }
    if (command == "store") return store();
    if (command == "look-up") {
      std::uint64_t count = 0;
      in >> count;
      return lookUp(count);
    }
    if (command == "memory") return Line().put("rss", residentMiB()).text();
    throw std::runtime_error("unknown command '" + command + "'");
  }

 private:
  std::string wait(std::size_t members) const {
    const std::int64_t begin = nowNanos();
    for (;;) {
      const auto state = engine_->state();
      if (state.joined && state.members.size() == members && state.safe) break;
      if (nowNanos() - begin > kWaitNanos)
        throw std::runtime_error("the cluster did not settle with " + std::to_string(members) +
                                 " members");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Line().text();
  }

  std::string admit(std::uint64_t first) {
    double bytes = 0;
    for (auto& id : ids_) {
      const auto admitted = core_->admit(sessionOf(first++), {});
      if (!admitted.ok()) throw std::runtime_error(admitted.error().toString());
      bytes += static_cast<double>(valueBytes(**admitted));
      std::copy_n((*admitted)->sessionId.begin(), id.size(), id.begin());
    }
    return Line().put("bytes", bytes / static_cast<double>(ids_.size())).text();
  }

  std::string store() const {
    std::atomic<std::size_t> left{0}, failed{0};
    const std::int64_t begin = nowNanos();
    for (const auto& characters : ids_) {
      const std::string id(characters.begin(), characters.end());
      while (left >= kInFlight) std::this_thread::sleep_for(std::chrono::microseconds(50));
      ++left;
      core_->store(id, [&left, &failed](const Result<bool>& stored) {
        if (!stored.ok() || !*stored) ++failed;
        --left;
      });
    }
    while (left > 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (failed > 0) throw std::runtime_error(std::to_string(failed) + " sessions were not stored");
    return Line()
        .put("rate", static_cast<double>(ids_.size()) * 1e9 / static_cast<double>(nowNanos() - begin))
        .text();
  }

  std::string lookUp(std::uint64_t count) const {
    const services::Session one = sessionOf(count / 2);
    std::promise<Result<services::LoginFacts>> facts;
    records_->loginFacts(one.contextId, one.userId, one.client,
                         [&](Result<services::LoginFacts> r) { facts.set_value(std::move(r)); });
    const auto known = facts.get_future().get();
    if (!known.ok() || known->userSessions != 1)
      throw std::runtime_error("the look-up by user did not find its one session");
    services::SessionQuery query;
    const std::string id(ids_.front().begin(), ids_.front().end());
    const auto here = core_->peek(id);
    if (!here) throw std::runtime_error("a session that was admitted is not here");
    query.altId = here->altId;
    std::promise<Result<std::vector<services::SessionPtr>>> found;
    records_->find(query, [&](Result<std::vector<services::SessionPtr>> r) {
      found.set_value(std::move(r));
    });
    const auto sessions = found.get_future().get();
    if (!sessions.ok() || sessions->size() != 1 || sessions->front()->sessionId != id)
      throw std::runtime_error("the look-up by alternative id did not find its session");
    return Line().text();
  }

  std::shared_ptr<net::ShardSet> shards_;
  std::shared_ptr<net::Workers> workers_;
  std::shared_ptr<grid::Engine> engine_;
  std::shared_ptr<storage::SessionRecords> records_;
  std::unique_ptr<storage::GridLink> link_;
  std::shared_ptr<sessiond::SessionCore> core_;
  std::vector<std::array<char, 32>> ids_;
};
}  // namespace

int storeMain(const std::vector<std::string>& arguments) {
  prctl(PR_SET_PDEATHSIG, 9);
  std::vector<std::uint16_t> nodes;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2)
    if (arguments[i] == "--node")
      nodes.push_back(static_cast<std::uint16_t>(std::stoi(arguments[i + 1])));
  Store store(nodes);
  std::cout << Line().put("port", store.port()).text() << std::endl;
  answerLines([&store](std::istringstream& in) { return store.run(in); });
  std::cout.flush();
  _exit(0);  // nobody waits for a hand-over
}

}  // namespace ox::bench
