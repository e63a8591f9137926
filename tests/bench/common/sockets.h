// Sockets of the benches' own clients and servers: blocking, loopback.
//
// Threads: plain functions. Errors: std::runtime_error; a yardstick that hears nothing for
// kSilenceMillis is one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ox::bench {

inline constexpr int kSilenceMillis = 10'000;

int check(int result, const char* what);  // of a system call
int listenOn(std::uint16_t& port);        // any free one
int connectTo(std::uint16_t port);        // without Nagle's delay
void noDelay(int fd);
void writeAll(int fd, const char* data, std::size_t size);

// Waits until one socket can be read.
class Poller {
 public:
  explicit Poller(int fd);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  void wait(int millis = kSilenceMillis) const;

 private:
  int epoll_;
};

}  // namespace ox::bench
