// Acceptor: listens on one port and lets the first bytes of each connection choose the protocol.
//
// Threads:   made anywhere; afterwards everything on its shard. counters() from any thread.
// Bounds:    kMaxUndecided connections may be undecided, each for kDecideMillis; beyond: closed.
// Errors:    kNetBind with address, port range and the system's reason.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/shard.h"
#include "net/stream.h"

namespace ox::net {

class Acceptor {
 public:
  static constexpr std::size_t kMaxUndecided = 256;
  static constexpr std::int64_t kDecideMillis = 5000;

  struct Protocol {
    std::string magic;  // first bytes; no magic may be the beginning of another
    // The connection behind its first bytes, on the acceptor's shard.
    std::function<void(Detached connection, const std::string& remote)> accepted;
    bool keep = false;  // the magic stays unread: it is part of what follows (TLS)
  };
  struct Counters {
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> unknownProtocol{0};  // closed: no protocol begins like that
    std::atomic<std::uint64_t> silent{0};           // closed: too few bytes in time, or left
    std::atomic<std::uint64_t> tooMany{0};          // closed: kMaxUndecided reached
  };

  // Tries `port`, then the following ones, `tries` in all (port 0: any free one). `host` is a
  // numeric address of this machine or the any-address.
  static Result<std::unique_ptr<Acceptor>> open(Shard& shard, const std::string& host,
                                                std::uint16_t port, int tries,
                                                std::vector<Protocol> protocols);
  ~Acceptor();  // closes; waits for its shard, which must run until then

  std::uint16_t port() const;
  const Counters& counters() const;
  void close();

 private:
  struct Impl;
  explicit Acceptor(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ox::net
