#include "yardsticks.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "process.h"
#include "sockets.h"

namespace ox::bench {
namespace {

constexpr std::size_t kBlockBytes = 256u << 10;

void serveEcho(int fd, const EchoSizes& sizes) {
  const Poller poller(fd);
  std::vector<char> in(1u << 16), out;
  std::size_t have = 0;
  for (;;) {
    poller.wait(-1);
    const ssize_t n = recv(fd, in.data(), in.size(), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return;
    if (n < 0) continue;
    have += static_cast<std::size_t>(n);
    const std::size_t whole = have / sizes.request;
    have -= whole * sizes.request;
    if (whole == 0) continue;
    out.assign(whole * sizes.answer, 'a');
    writeAll(fd, out.data(), out.size());
  }
}
}  // namespace

int echoServer(const EchoSizes& sizes) {
  std::uint16_t port = 0;
  const int listener = listenOn(port);
  std::cout << "ok port=" << port << std::endl;
  std::thread([listener, sizes] {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      noDelay(fd);
      serveEcho(fd, sizes);
      ::close(fd);
    }
  }).detach();
  std::string end;
  std::getline(std::cin, end);
  _exit(0);
}

EchoResult echo(std::uint16_t port, const EchoSizes& sizes, int depth, double seconds) {
  const int fd = connectTo(port);
  EchoResult result;
  Samples samples;
  {
    const Poller poller(fd);
    std::vector<char> request(sizes.request, 'q'), in(1u << 16);
    std::deque<std::int64_t> sent;
    std::size_t have = 0;
    const std::int64_t begin = nowNanos();
    const std::int64_t end = begin + static_cast<std::int64_t>(seconds * 1e9);
    std::vector<char> many(sizes.request * static_cast<std::size_t>(depth), 'q');
    for (int i = 0; i < depth; ++i) sent.push_back(begin);
    writeAll(fd, many.data(), many.size());
    std::int64_t now = begin;
    while (now < end) {
      poller.wait();
      const ssize_t n = recv(fd, in.data(), in.size(), MSG_DONTWAIT);
      if (n == 0) throw std::runtime_error("the echo server has closed");
      if (n < 0) continue;
      now = nowNanos();
      have += static_cast<std::size_t>(n);
      const std::size_t whole = have / sizes.answer;
      have -= whole * sizes.answer;
      for (std::size_t i = 0; i < whole; ++i) {
        samples.add(now - sent.front());
        sent.pop_front();
        sent.push_back(now);
      }
      if (whole > 0) writeAll(fd, many.data(), whole * sizes.request);
    }
    result.perSecond = static_cast<double>(samples.size()) * 1e9 / static_cast<double>(now - begin);
  }
  ::close(fd);
  result.p50 = samples.micros(0.5);
  result.p99 = samples.micros(0.99);
  return result;
}

Samples postAndReturn(int loopCpu, double seconds) {
  const int event = check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  std::mutex mutex;
  std::deque<std::atomic<int>*> queue;
  std::atomic<bool> stop{false};
  const auto futex = [](std::atomic<int>* word, int operation, int value) {
    syscall(SYS_futex, reinterpret_cast<int*>(word), operation | FUTEX_PRIVATE_FLAG, value, nullptr,
            nullptr, 0);
  };
  std::thread loop([&] {
    pinThread(loopCpu);
    const Poller poller(event);
    std::deque<std::atomic<int>*> mine;
    while (!stop) {
      poller.wait();
      std::uint64_t count = 0;
      if (read(event, &count, sizeof count) < 0) continue;
      {
        std::lock_guard lock(mutex);
        mine.swap(queue);
      }
      for (auto* done : mine) {
        done->store(1);
        futex(done, FUTEX_WAKE, 1);
      }
      mine.clear();
    }
  });
  Samples samples;
  const std::uint64_t one = 1;
  const std::int64_t end = nowNanos() + static_cast<std::int64_t>(seconds * 1e9);
  for (std::int64_t before = nowNanos(); before < end;) {
    std::atomic<int> done{0};
    {
      std::lock_guard lock(mutex);
      queue.push_back(&done);
    }
    if (write(event, &one, sizeof one) < 0) throw std::runtime_error("eventfd write");
    while (done.load() == 0) futex(&done, FUTEX_WAIT, 0);
    const std::int64_t now = nowNanos();
    samples.add(now - before);
    before = now;
  }
  stop = true;
  if (write(event, &one, sizeof one) < 0) throw std::runtime_error("eventfd write");
  loop.join();
  ::close(event);
  return samples;
}

int streamServer() {
  std::uint16_t port = 0;
  const int listener = listenOn(port);
  std::cout << "ok port=" << port << std::endl;
  std::string word;
  while (std::cin >> word) {
    std::size_t frame = 0;
    int keep = 0;
    std::cin >> frame >> keep;
    const int fd = check(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
    const Poller poller(fd);
    std::vector<char> in(kBlockBytes + frame);
    std::vector<std::unique_ptr<char[]>> kept;
    std::size_t have = 0;
    std::uint64_t frames = 0, sum = 0;
    std::int64_t begin = 0;
    for (;;) {
      poller.wait();
      const ssize_t n = recv(fd, in.data() + have, in.size() - have, MSG_DONTWAIT);
      if (n == 0) break;
      if (n < 0) continue;
      if (begin == 0) begin = nowNanos();
      have += static_cast<std::size_t>(n);
      std::size_t at = 0;
      for (; have - at >= frame; at += frame, ++frames) {
        sum += static_cast<unsigned char>(in[at]);
        if (keep == 0) continue;
        kept.emplace_back(new char[frame]);
        std::memcpy(kept.back().get(), in.data() + at, frame);
      }
      std::memmove(in.data(), in.data() + at, have - at);
      have -= at;
    }
    const double seconds = static_cast<double>(nowNanos() - begin) / 1e9;
    ::close(fd);
    std::cout << "ok frames=" << frames << " seconds=" << seconds << " sum=" << sum << std::endl;
  }
  return 0;
}

void streamTo(std::uint16_t port, std::size_t frameBytes, std::uint64_t frames) {
  const int fd = connectTo(port);
  const std::size_t perBlock = std::max<std::size_t>(1, kBlockBytes / frameBytes);
  std::vector<char> block(perBlock * frameBytes, 'r');
  while (frames > 0) {
    const auto now = std::min<std::uint64_t>(frames, perBlock);
    writeAll(fd, block.data(), now * frameBytes);
    frames -= now;
  }
  shutdown(fd, SHUT_WR);
  char end = 0;
  while (recv(fd, &end, 1, 0) > 0) continue;
  ::close(fd);
}

}  // namespace ox::bench
