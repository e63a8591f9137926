// Workload: clients that write and read keys through random members and record what they learn.
// Several clients may work on one key at the same time; no value is written twice.
#pragma once

#include <memory>
#include <string>

#include "history.h"
#include "world.h"

namespace ox::sim {

class Workload {
 public:
  struct Options {
    int keys = 30;
    int clients = 6;
    bool judgeReads = true;  // off: no side is judged from the first cut or pause on
    bool removals = true;
    bool home = false;       // each key is always used through the same member address
    std::int64_t idleMillis = 0;  // of what is written; a keeper per key reads it in time
    bool every = true;       // also putIfAbsent, replace, replaceIfSame, removeIfSame, containsKey
  };

  Workload(World& world, Options options, std::uint64_t seed);
  ~Workload();
  void start();
  void stop();              // begins nothing new
  bool idle() const;        // nothing outstanding
  // Reads every key once through random members; complete when idle.
  void readAll();
  const std::string& failed() const;  // what failed without any judge; empty = nothing
  std::size_t acknowledged() const;
  std::size_t unsuccessful() const;   // refused or indeterminate, crashes of the asked member aside
  History& history();
  std::string keyName(int number) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ox::sim
