// Discovery: names the addresses that may be members. Whoever answers there proves itself in the
// handshake of the link, so that a wrong address costs an attempt and nothing else.
//
// Purpose:   one interface for every join mode; the cores only see lists of addresses.
// Threads:   everything on the shard of the setup (the control thread); figures() from any.
// Ownership: shared; late answers of workers find it stopped, not gone.
// Bounds:    kMaxCandidates addresses; what does not fit is left out and logged.
// Errors:    start(): kNetBind when the network of the mode cannot be used. Later failures are
//            logged once, counted, and tried again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "discovery/candidates.h"
#include "discovery/settings.h"
#include "net/shard.h"
#include "types.h"

namespace ox::grid {

struct DiscoveryCounters {
  std::atomic<std::uint64_t> candidates{0};    // now
  std::atomic<std::uint64_t> looks{0};         // names resolved, questions sent
  std::atomic<std::uint64_t> failures{0};      // names that could not be resolved, by attempt
  std::atomic<std::uint64_t> changes{0};       // of the list
  std::atomic<std::uint64_t> packetsSent{0};   // multicast
  std::atomic<std::uint64_t> packetsHeard{0};  // of our cluster, proven where a password is set
  std::atomic<std::uint64_t> packetsForeign{0};    // of a cluster with another name
  std::atomic<std::uint64_t> packetsUnproven{0};   // password differs, or one side has none
  std::atomic<std::uint64_t> packetsBad{0};        // undecodable
  std::atomic<std::uint64_t> packetsDropped{0};    // more than may be read in a second
};

struct DiscoverySetup {
  DiscoverySettings settings;
  Member self;
  std::string clusterName;
  Bytes key;                    // deriveLinkKey(); empty = no password
  std::uint16_t port = 0;       // the configured one, of nodes listed without a port
  bool ipv6 = false;
  // Local IPv4 addresses through which multicast goes.
  std::vector<std::string> interfaces;
  Resolver resolve;             // blocking, called in the background only
  // Runs a blocking task elsewhere; false = not now.
  std::function<bool(std::function<void()>)> background;
  net::Shard* shard = nullptr;
  Clock* clock = nullptr;
  std::function<void(int level, const std::string& text)> log;  // 0 info, 1 warn
};

class Discovery {
 public:
  using Changed = std::function<void(const std::vector<Address>&)>;
  virtual ~Discovery() = default;
  // `changed` is called with the whole list when the first look is over (maybe at once, maybe
  // with nothing), and whenever the list differs from the last one told.
  virtual Status start(Changed changed) = 0;
  // The members of the installed view; empty while this member looks for a cluster.
  virtual void members(const std::vector<Member>& members) = 0;
  // Changed lists of nodes or names; a change of the mode needs a restart.
  virtual void reload(const DiscoverySettings& settings) = 0;
  virtual void stop() = 0;

  const DiscoveryCounters& counters() const { return counters_; }

 protected:
  DiscoveryCounters counters_;
};

// By settings.mode: "empty", "static", "multicast", "dns", "kubernetes".
std::shared_ptr<Discovery> makeDiscovery(DiscoverySetup setup);

}  // namespace ox::grid
