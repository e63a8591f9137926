// SourcePorts: the local ports from which connections to other members may be dialled.
//
// Purpose:   strict firewalls allow certain source ports only. Dials go round through the ranges,
//            so that a port is used again as late as possible. One port serves connections to
//            several targets at once; towards one target each connection needs a port of its own.
// Threads:   any.
// Source:    the original's network.outboundPortDefinitions: ports and ranges "35000-35100".
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/port_range.h"

namespace ox::net {

class SourcePorts {
 public:
  // At most so many ports are tried by one dial; then it counts as exhausted.
  static constexpr std::size_t kMaxTries = 1024;

  explicit SourcePorts(std::vector<PortRange> ranges);
  std::size_t size() const { return size_; }
  // Where a dial begins, and the port at that place (counted round).
  std::size_t begin() { return next_.fetch_add(1) % size_; }
  std::uint16_t at(std::size_t place) const;
  std::string text() const;                    // "33000-35000, 36000"

  void noteExhausted() { ++exhausted_; }
  std::uint64_t exhausted() const { return exhausted_; }

 private:
  const std::vector<PortRange> ranges_;
  std::size_t size_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> exhausted_{0};
};

// Where a connection is dialled from; empty = the system chooses.
struct Source {
  Source() = default;
  Source(const char* address) : host(address) {}
  Source(std::string address, std::shared_ptr<SourcePorts> from = {})
      : host(std::move(address)), ports(std::move(from)) {}
  std::string host;                            // local numeric address
  std::shared_ptr<SourcePorts> ports;          // null = any
};

}  // namespace ox::net
