// What the machine can do without the grid: plain epoll echo, an empty post to another thread and
// back, a one-way stream, a receiver that allocates and copies records.
//
// Threads: blocking functions; the servers run in processes of their own (Child), pinned there.
// Units:   microseconds, messages or MiB a second. Errors: std::runtime_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "stats.h"

namespace ox::bench {

struct EchoSizes {
  std::size_t request = 100;
  std::size_t answer = 100;
};

// Serves until its standard input ends. Prints "ok port=N" first.
int echoServer(const EchoSizes& sizes);
// Client on the calling thread: `depth` requests in flight on one connection.
struct EchoResult {
  double perSecond = 0;
  double p50 = 0, p99 = 0;
};
EchoResult echo(std::uint16_t port, const EchoSizes& sizes, int depth, double seconds);

// Posts an empty task to an epoll loop that runs on `loopCpu` and waits until it was run.
Samples postAndReturn(int loopCpu, double seconds);

// One-way: frames of `frameBytes` written in blocks; the receiver walks over the frames (and, when
// `keep`, allocates and copies each, as it must when they are records to be held).
// Commands on standard input: "run FRAME KEEP" -> accepts one connection, reads to its end,
// answers "ok frames=N seconds=S". Prints "ok port=N" first.
int streamServer();
void streamTo(std::uint16_t port, std::size_t frameBytes, std::uint64_t frames);

}  // namespace ox::bench
