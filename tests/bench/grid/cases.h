// The cases of the grid bench, one function per group; each adds its rows to the report.
//
// Threads:   one. Placement: kLeft and kRight are the two processors that everything is pinned to.
// Errors:    std::runtime_error (a member that fails, a yardstick that breaks) ends the bench: it
//            did not complete. A yardstick far from what this kind of machine is known for makes an
//            error row (report.h), since the figure beside it says nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "process.h"
#include "report.h"
#include "yardsticks.h"

namespace ox::bench {

inline constexpr int kLeft = 0, kRight = 1;

struct Context {
  std::string dir;    // of logs and results
  bool quick = false; // a tenth of the entries, fewer rounds: to see that it works
  Report report;
  int rounds() const { return quick ? 2 : 5; }
  double seconds(double full) const { return quick ? full / 3 : full; }
};

void insideCases(Context& context);    // one member: from outside the shard's thread, and inside
void pairCases(Context& context);      // two members: one caller, 20,000 a second, 32 callers
void topicCases(Context& context);
void joinCases(Context& context);      // memory per copy, a member that joins much data
void sessionCase(Context& context);
void failOverCase(Context& context);
void startCase(Context& context);

// What a figure of the machine is known to be (range of the documented ones). A yardstick that is
// much worse says that the machine is busy; one that is better (a processor that others keep awake)
// only makes a goal of a ratio harder.
struct Known {
  const char* name;
  double low, high;
  bool rate;  // more is better
};
inline constexpr Known kEchoApart{"epoll echo across processors, p50 us", 58, 69, false};
inline constexpr Known kReceiver{"receiver that allocates and copies, MiB/s", 570, 1150, true};
std::string offBy(const Known& known, double measured);

// A member on a processor; "node" are ports of members that it is to join.
struct Joined {
  Child process;
  std::uint16_t port = 0;
  std::int64_t joinedAt = 0, servedAt = 0;  // nowNanos()
};
Joined startMember(const Context& context, int cpu, const std::vector<std::uint16_t>& nodes,
                   double throttle = 0);
// Two of them, settled: left and right.
struct Pair {
  Joined left, right;
};
Pair startPair(const Context& context);

// Echo of a backup and its acknowledgement, between kLeft (the calling thread is pinned) and kRight.
EchoSizes backupSizes(std::size_t valueBytes);
Child startEcho(const Context& context, const EchoSizes& sizes, std::uint16_t& port);

}  // namespace ox::bench
