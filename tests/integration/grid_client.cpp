// One member of the grid as a process of its own, told by lines what to do:
//   grid_client --etc DIR [--shards N]
//
// Input, one request a line, and its answer, in any order of completion:
//   ID set MAP KEY VALUE   -> "ID ok" | "ID error CODE TEXT"
//   ID get MAP KEY         -> "ID ok VALUE" | "ID none" | "ID error CODE TEXT"
//   ID remove MAP KEY      -> "ID ok" | "ID none" | "ID error CODE TEXT"
//   ID state               -> "ID ok joined safe members migrations unowned HOST:PORT,..."
//   ID refused             -> "ID ok REASON=COUNT,..."
//   ID stop                -> "ID ok 1" (handed over) or "ID ok 0", then the process ends
// Purpose:   tests/integration/grid_test.py; the settings are real ones, from DIR.
// Threads:   requests are begun on the main thread, answers are written by engine threads.
// Exit:      0 after stop or the end of the input, 1 for a start that failed (said on stderr).
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

#include "base/log.h"
#include "config.h"
#include "config/config.h"
#include "engine.h"
#include "net/interfaces.h"
#include "serialization/data.h"

using namespace ox;

namespace {

class Client {
 public:
  Client(std::shared_ptr<net::ShardSet> shards, std::shared_ptr<net::Workers> workers,
         grid::GridConfig config)
      : engine_(std::move(config), std::move(shards), std::move(workers)) {}

  Status start() { return engine_.start(); }

  // False after stop.
  bool run(const std::string& line) {
    std::istringstream in(line);
    std::string id, verb, map, key, value;
    in >> id >> verb;
    if (verb == "state") return say(id, state());
    if (verb == "refused") return say(id, refused());
    if (verb == "stop") {
      say(id, engine_.stop() ? "ok 1" : "ok 0");
      return false;
    }
    in >> map >> key >> value;
    services::MapRequest request;
    if (verb == "set") request.op = services::MapOp::kSet;
    else if (verb == "get") request.op = services::MapOp::kGet;
    else if (verb == "remove") request.op = services::MapOp::kRemove;
    else return say(id, "error RUN-0004 unknown request");
    request.key = serialization::toData(key);
    if (verb == "set") request.value = value;
    engine_.map(map)->execute(std::move(request), [this, id, verb](Result<services::MapReply> r) {
      if (!r) say(id, "error " + std::string(r.error().name()) + " " + r.error().message);
      else if (verb == "set") say(id, "ok");
      else if (!r->value) say(id, "none");
      else say(id, verb == "get" ? "ok " + *r->value : "ok");
    });
    return true;
  }
  bool stop() { return engine_.stop(); }

 private:
  bool say(const std::string& id, const std::string& text) {
    std::lock_guard lock(mutex_);
    std::printf("%s %s\n", id.c_str(), text.c_str());
    std::fflush(stdout);
    return true;
  }
  std::string state() const {
    const auto s = engine_.state();
    std::string members;
    for (const auto& m : s.members)
      members += (members.empty() ? "" : ",") + m.host + ":" + std::to_string(m.port);
    return "ok " + std::to_string(s.joined) + " " + std::to_string(s.safe) + " " +
           std::to_string(s.members.size()) + " " + std::to_string(s.migrationsPending) + " " +
           std::to_string(s.unownedPartitions) + " " + members;
  }
  std::string refused() const {
    std::string out;
    for (const auto& [reason, count] : engine_.figures().refused)
      out += (out.empty() ? "" : ",") + reason + "=" + std::to_string(count);
    return "ok " + out;
  }

  std::mutex mutex_;
  grid::Engine engine_;
};

int fail(const std::string& text) {
  std::fprintf(stderr, "grid_client: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string etc;
  int shardCount = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--etc") etc = argv[i + 1];
    else if (option == "--shards") shardCount = std::atoi(argv[i + 1]);
    else return fail("unknown option " + option);
  }
  if (etc.empty() || shardCount < 1) return fail("usage: grid_client --etc DIR [--shards N]");
  const auto loaded = config::Config::load(etc);
  std::vector<config::Problem> problems = loaded->problems();
  grid::GridConfig settings = grid::readGridConfig(*loaded, net::localAddresses(), problems);
  for (const auto& p : problems) {
    if (p.severity == config::Problem::Severity::kError) return fail(p.toString());
    log::warn(p.toString());
  }
  const auto shards = std::make_shared<net::ShardSet>(shardCount);
  const auto workers = std::make_shared<net::Workers>(1, 100, "workers");
  {
    Client client(shards, workers, std::move(settings));
    if (const Status started = client.start(); !started) return fail(started.error().toString());
    std::string line;
    bool more = true;
    while (more && std::getline(std::cin, line)) more = client.run(line);
    client.stop();
  }
  shards->stop();
  return 0;
}
