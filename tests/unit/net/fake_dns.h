// A name server on loopback, UDP and TCP on one port, whose records and manners a test changes.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace ox::test {

class FakeDns {
 public:
  enum class Manner { kAnswers, kSilent, kFails, kTruncates, kGarbage };

  FakeDns() {
    for (int tries = 0; tries < 50; ++tries) {
      udp_ = ::socket(AF_INET, SOCK_DGRAM, 0);
      tcp_ = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in a{};
      a.sin_family = AF_INET;
      inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
      socklen_t n = sizeof a;
      const int on = 1;
      ::setsockopt(tcp_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (::bind(udp_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 &&
          ::getsockname(udp_, reinterpret_cast<sockaddr*>(&a), &n) == 0 &&
          ::bind(tcp_, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 && ::listen(tcp_, 8) == 0) {
        port_ = ntohs(a.sin_port);
        thread_ = std::thread([this] { run(); });
        return;
      }
      ::close(udp_);
      ::close(tcp_);
    }
    throw std::runtime_error("no port for the name server");
  }
  ~FakeDns() {
    stop_ = true;
    thread_.join();
    ::close(udp_);
    ::close(tcp_);
  }
  std::uint16_t port() const { return port_; }
  int asked() const { return asked_; }
  int askedByTcp() const { return byTcp_; }
  void manner(Manner m) { manner_ = m; }

  void clear() {
    std::lock_guard lock(mutex_);
    records_.clear();
  }
  void a(const std::string& name, const std::string& address) {
    Bytes raw(4, '\0');
    inet_pton(AF_INET, address.c_str(), raw.data());
    put(name, 1, raw);
  }
  void aaaa(const std::string& name, const std::string& address) {
    Bytes raw(16, '\0');
    inet_pton(AF_INET6, address.c_str(), raw.data());
    put(name, 28, raw);
  }
  void srv(const std::string& name, const std::string& target, std::uint16_t port,
           std::uint16_t priority = 10, std::uint16_t weight = 50) {
    ByteWriter raw;
    raw.u16(priority);
    raw.u16(weight);
    raw.u16(port);
    raw.raw(encoded(target));
    put(name, 33, raw.take());
  }

 private:
  void put(const std::string& name, int type, Bytes raw) {
    std::lock_guard lock(mutex_);
    records_[name][type].push_back(std::move(raw));
  }
  static Bytes encoded(const std::string& name) {
    Bytes out;
    for (std::size_t at = 0; at < name.size();) {
      const auto dot = std::min(name.find('.', at), name.size());
      out.push_back(static_cast<char>(dot - at));
      out += name.substr(at, dot - at);
      at = dot + 1;
    }
    out.push_back('\0');
    return out;
  }
  Bytes answer(BytesView question, bool tcp) {
    ++asked_;
    if (tcp) ++byTcp_;
    ByteReader in(question);
    const auto id = in.u16();
    in.raw(10);
    std::string name;
    for (auto n = in.u8(); n != 0 && in.ok(); n = in.u8())
      name += (name.empty() ? "" : ".") + std::string(in.raw(n));
    const int type = in.u16();
    in.u16();
    const BytesView asked = question.substr(12, in.position() - 12);
    const Manner m = manner_;
    std::vector<Bytes> found;
    bool known = false;
    {
      std::lock_guard lock(mutex_);
      const auto it = records_.find(name);
      known = it != records_.end();
      if (known && it->second.count(type) != 0) found = it->second.at(type);
    }
    const bool cut = m == Manner::kTruncates && !tcp;
    if (m == Manner::kFails || cut) found.clear();
    ByteWriter out;
    out.u16(id);
    const int rcode = m == Manner::kFails ? 2 : known ? 0 : 3;
    out.u16(static_cast<std::uint16_t>(0x8580 | (cut ? 0x0200 : 0) | (cut ? 0 : rcode)));
    out.u16(1);
    out.u16(static_cast<std::uint16_t>(found.size()));
    out.u16(0);
    out.u16(0);
    out.raw(asked);
    for (const auto& raw : found) {
      out.u16(0xC00C);
      out.u16(static_cast<std::uint16_t>(type));
      out.u16(1);
      out.u32(5);
      out.u16(static_cast<std::uint16_t>(raw.size()));
      out.raw(raw);
    }
    Bytes bytes = out.take();
    if (m == Manner::kGarbage)
      for (std::size_t i = 12; i < bytes.size(); i += 3) bytes[i] = static_cast<char>(0xFF);
    return bytes;
  }
  void run() {
    while (!stop_) {
      pollfd p[2] = {{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
      if (::poll(p, 2, 20) <= 0) continue;
      char buffer[2048];
      if ((p[0].revents & POLLIN) != 0) {
        sockaddr_in from{};
        socklen_t n = sizeof from;
        const auto size =
            ::recvfrom(udp_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &n);
        if (size > 12 && manner_ != Manner::kSilent) {
          const Bytes out = answer(BytesView(buffer, static_cast<std::size_t>(size)), false);
          ::sendto(udp_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), n);
        }
      }
      if ((p[1].revents & POLLIN) != 0) {
        const int in = ::accept(tcp_, nullptr, nullptr);
        const auto size = ::recv(in, buffer, sizeof buffer, MSG_WAITALL & 0);
        if (size > 14) {
          const Bytes out = answer(BytesView(buffer + 2, static_cast<std::size_t>(size - 2)), true);
          ByteWriter framed;
          framed.u16(static_cast<std::uint16_t>(out.size()));
          framed.raw(out);
          ::send(in, framed.bytes().data(), framed.size(), MSG_NOSIGNAL);
        }
        ::close(in);
      }
    }
  }

  int udp_ = -1, tcp_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> asked_{0}, byTcp_{0};
  std::atomic<Manner> manner_{Manner::kAnswers};
  std::mutex mutex_;
  std::map<std::string, std::map<int, std::vector<Bytes>>> records_;
  std::thread thread_;
};

}  // namespace ox::test
