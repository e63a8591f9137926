// Workload: clients that write and read keys through random members and record what they learn.
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
    bool judgeReads = true;  // off where two sides may serve at the same time
    bool removals = true;    // off where a side without tombstones may bring removed entries back
  bool home = false;       // each key is always used through the same member address
  };

  Workload(World& world, Options options, std::uint64_t seed);
  ~Workload();
  void start();
  void stop();              // begins nothing new
  bool idle() const;        // nothing outstanding
  // Reads every key once through random members; the answer of failed() is complete when idle.
  void readAll();
  const std::string& failed() const;  // first violation; empty = none
  std::size_t acknowledged() const;
  std::size_t unsuccessful() const;   // refused or indeterminate, crashes of the asked member aside

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ox::sim
