// A plain socket client for tests of the connector: says exactly what the test says.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ox::test {

inline constexpr int kRawClientMillis = 20'000;  // a hang ends the test, it decides nothing

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  int fd() const { return fd_; }
  void finishSending() { ::shutdown(fd_, SHUT_WR); }
  // Reads until what was received holds `marker` `times` times, or the end; returns all so far.
  const std::string& until(std::string_view marker, int times = 1) {
    while (count(marker) < times && more()) {}
    return received_;
  }
  const std::string& untilClosed() {
    while (more()) {}
    return received_;
  }
  // One whole answer with Content-Length; removed from what is kept.
  std::string answer() {
    until("\r\n\r\n");
    const std::size_t head = received_.find("\r\n\r\n");
    if (head == std::string::npos) return std::exchange(received_, {});
    std::size_t length = 0;
    if (const std::size_t at = received_.find("Content-Length: "); at < head)
      length = std::stoul(received_.substr(at + 16));
    while (received_.size() < head + 4 + length && more()) {}
    std::string out = received_.substr(0, head + 4 + length);
    received_.erase(0, out.size());
    return out;
  }
  // The next `n` bytes, fewer when the connection ends; removed from what is kept.
  std::string bytes(std::size_t n) {
    while (received_.size() < n && more()) {}
    std::string out = received_.substr(0, n);
    received_.erase(0, out.size());
    return out;
  }
  bool closed() const { return closed_; }

 private:
  int count(std::string_view marker) const {
    int n = 0;
    for (std::size_t at = received_.find(marker); at != std::string::npos;
         at = received_.find(marker, at + marker.size()))
      ++n;
    return n;
  }
  bool more() {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, kRawClientMillis) != 1) return false;
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      closed_ = true;
      return false;
    }
    received_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

}  // namespace ox::test
