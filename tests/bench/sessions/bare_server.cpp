#include "bare_server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string>
#include <thread>
#include <unordered_map>

#include "process.h"
#include "sockets.h"

namespace ox::bench {
namespace {

constexpr int kEvents = 64;
constexpr std::size_t kReadBytes = 16 * 1024;

std::string answerOf(std::size_t bytes) {
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
  const std::size_t rest = head.size() + 4 + 3;  // two line ends, three digits
  const std::size_t body = bytes > rest + 100 ? bytes - rest : 100;
  return head + std::to_string(body) + "\r\n\r\n" + std::string(body, 'b');
}

// How many requests have ended with `text`; `matched` bytes of an end were there before.
std::size_t ends(const char* text, std::size_t size, std::size_t& matched) {
  static constexpr char kEnd[] = "\r\n\r\n";
  std::size_t out = 0;
  for (std::size_t i = 0; i < size; ++i) {
    matched = text[i] == kEnd[matched] ? matched + 1 : text[i] == '\r' ? 1 : 0;
    if (matched < 4) continue;
    matched = 0;
    ++out;
  }
  return out;
}

void loop(int listener, const std::string& answer) {
  const int poller = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLEXCLUSIVE;
  interest.data.fd = listener;
  check(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &interest), "epoll_ctl");
  std::unordered_map<int, std::size_t> matched;
  std::array<epoll_event, kEvents> events;
  std::array<char, kReadBytes> in;
  for (;;) {
    const int n = epoll_wait(poller, events.data(), kEvents, -1);
    for (int i = 0; i < n; ++i) {
      int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) continue;
        noDelay(fd);
        interest.events = EPOLLIN;
        interest.data.fd = fd;
        check(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest), "epoll_ctl");
        matched[fd] = 0;
        continue;
      }
      const ssize_t got = recv(fd, in.data(), in.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) {
        matched.erase(fd);
        ::close(fd);
        continue;
      }
      for (std::size_t k = ends(in.data(), static_cast<std::size_t>(got), matched[fd]); k > 0; --k)
        writeAll(fd, answer.data(), answer.size());
    }
  }
}
}  // namespace

int bareServer(std::size_t bytes, int threads) {
  std::uint16_t port = 0;
  const int listener = listenOn(port);
  check(fcntl(listener, F_SETFL, O_NONBLOCK), "fcntl");
  const std::string answer = answerOf(bytes);
  for (int i = 0; i < threads; ++i) std::thread(loop, listener, answer).detach();
  std::cout << Line().put("port", port).text() << std::endl;
  std::string end;
  std::getline(std::cin, end);
  _exit(0);
}

}  // namespace ox::bench
