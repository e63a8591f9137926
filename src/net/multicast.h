// Multicast: a UDP socket in an IPv4 multicast group, on one shard.
//
// Purpose:   sends to the group through each given interface and hears the group on these only.
// Threads:   all of it on its shard; the callback runs there, too. dropped() from any thread.
// Bounds:    kMaxDatagram bytes a packet; at most kMaxPerSecond packets are handed on in a second,
//            what comes beyond is dropped and counted.
// Errors:    open(): kNetBind with group, interface and the system's reason.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/shard.h"

namespace ox::net {

class Multicast {
 public:
  static constexpr std::size_t kMaxDatagram = 2048;
  static constexpr int kMaxPerSecond = 500;
  static constexpr std::size_t kMaxInterfaces = 16;

  struct Options {
    std::string group;
    std::uint16_t port = 0;
    int timeToLive = 32;
    bool loopback = true;                  // sockets of this machine hear us
    std::vector<std::string> interfaces;   // by their IPv4 addresses; at least one
    const Clock* clock = &systemClock();   // tells the seconds of kMaxPerSecond; outlives the socket
  };
  using OnPacket = std::function<void(BytesView packet)>;  // valid during the call

  static Result<std::unique_ptr<Multicast>> open(Shard& shard, const Options& options,
                                                 OnPacket onPacket);
  ~Multicast();  // on the shard; the callback is not called afterwards

  // Through every interface; what went wrong on any of them, empty = nothing.
  std::string send(BytesView packet);
  std::uint64_t dropped() const;

 private:
  struct Impl;
  explicit Multicast(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ox::net
