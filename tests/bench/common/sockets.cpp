#include "sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace ox::bench {
namespace {
constexpr int kBacklog = 128;
}

int check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  return result;
}

int listenOn(std::uint16_t& port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a), "bind");
  check(listen(fd, kBacklog), "listen");
  socklen_t size = sizeof a;
  check(getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size), "getsockname");
  port = ntohs(a.sin_port);
  return fd;
}

void noDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connectTo(std::uint16_t port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(port);
  check(connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a), "connect");
  noDelay(fd);
  return fd;
}

void writeAll(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error("the other side of a yardstick has closed");
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

Poller::Poller(int fd) : epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
  epoll_event e{};
  e.events = EPOLLIN;
  check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e), "epoll_ctl");
}

Poller::~Poller() { ::close(epoll_); }

void Poller::wait(int millis) const {
  epoll_event e{};
  for (;;) {
    const int ready = epoll_wait(epoll_, &e, 1, millis);
    if (ready > 0) return;
    if (ready == 0 || errno != EINTR)
      throw std::runtime_error("a yardstick has heard nothing for ten seconds");
  }
}

}  // namespace ox::bench
