// ControlCore: joining, failure detection, mastership and the making of views, as pure logic.
//
// Purpose:   told the time, links and frames; decides which links to open, what to send, which
//            view is installed. The simulator and the engine drive the same code.
// Threads:   one (the control thread of the engine, or the simulator).
// Ownership: the host outlives the core. Host calls may not re-enter the core synchronously.
// Bounds:    named in ControlSettings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "map/map_text.h"
#include "member_protocol/message.h"
#include "membership/cluster_view.h"
#include "partition/planner.h"
#include "types.h"

namespace ox::grid {

using LinkId = std::uint64_t;  // chosen by the host, never reused

enum class LinkLoss : std::uint8_t { kRefused, kReset, kTimeout, kProtocol, kClosedByUs };

// What the core needs from outside.
class ControlHost {
 public:
  virtual ~ControlHost() = default;
  // Begins a control link (the host runs the handshake: member_protocol/handshake.h). Answered by
  // ControlCore::linkUp or linkLost with the same id.
  virtual LinkId dial(const Address& address) = 0;
  virtual void send(LinkId link, Bytes frame) = 0;  // frame without length: kind byte + body
  virtual void close(LinkId link) = 0;
  // The view is now in force: give it to the shards and to listeners. Null: this member has left
  // its cluster for another one (after keepEntriesForMerge()) and is looking again.
  virtual void installed(const ViewPtr& view) = 0;
  // No entry of any map on this member may be lost by forgetting the cluster: called before the
  // member leaves its cluster for another one (two clusters unite). The host keeps owned entries
  // and offers them to the new cluster after the next installed() (merge by latest update).
  virtual void keepEntriesForMerge() = 0;
  virtual std::uint64_t ownedEntries() const = 0;
  // After ControlCore::confirmView(): the installed view (or none) is known to be the newest that
  // can be learnt, so shards may answer again.
  virtual void confirmed(const std::vector<std::uint64_t>& fences) { (void)fences; }
  virtual void left() = 0;  // graceful leave finished, or given up at its deadline
  virtual void log(int level, const std::string& text) = 0;  // 0 info, 1 warn, 2 error
};

struct ControlSettings {
  std::string clusterName;                // with suffix
  Member self;
  int partitionCount = kDefaultPartitionCount;
  std::vector<Address> candidates;        // static list, every address with each port to try
  int backupCopies = 1;                   // replicas beside the owner (max over maps)
  std::int64_t tickMillis = 50;
  std::int64_t heartbeatMillis = 1000;
  std::int64_t silenceMillis = 10000;     // no heartbeat that long: suspected
  std::int64_t searchMillis = 1000;       // how often lost relatives are looked for
  std::int64_t leaveMillis = 10000;       // bound of a graceful leave
  // Two sides of a split that both hold data: first look after the start, then the interval.
  std::int64_t mergeFirstMillis = 0;
  std::int64_t mergeNextMillis = 0;
  int migrationsPerMember = 8;            // at once, as source or target
  GroupOf groupOf = {};                   // partition groups; empty = every member is one
  MapTexts maps;                          // configured ones; differences are a warning
  std::uint64_t mapsDigest = 0;           // digestOf(maps)
  std::uint16_t protocolMax = kProtocolMax;  // tests set less: a member of the release before
};

// Who answered at the other end of a link (from the handshake).
struct PeerInfo {
  MemberId id;
  Address address;   // its listening address
  bool lite = false;
  bool incoming = false;
  std::uint16_t protocol = kProtocolMax;  // of the link: the highest that both speak
  std::uint64_t mapsDigest = 0;
};

class ControlCore {
 public:
  ControlCore(ControlSettings settings, Clock& clock, Random& random, ControlHost& host);
  ~ControlCore();

  void start();
  void tick();                      // every tickMillis
  void linkUp(LinkId link, const PeerInfo& peer);
  void linkLost(LinkId link, LinkLoss why);
  void received(LinkId link, BytesView frame);
  // From the shards: the copy ordered by the view's migration is complete (and, if it moves
  // ownership, the partition is frozen and drained).
  void migrationDone(const ViewId& view, const Migration& migration);
  // Graceful: hand over, then left(), within leaveMillis. `waitSafe`: first waits until the other
  // members can hold every configured copy, then hands over without a bound; a second call without
  // it goes back to the bound.
  void leave(bool waitSafe = false);
  void setCandidates(std::vector<Address> candidates);  // reload of the static list
  // This process stood still for so long that the others may have gone on without it: asks them
  // for their view, then calls ControlHost::confirmed() with `fence` (ShardHost::paused()) and all
  // others given so far. With nobody in reach this member is a half of a split and is confirmed,
  // too. Called again, it asks again.
  void confirmView(std::uint64_t fence);

  const ViewPtr& view() const;      // null while not joined
  bool joined() const;
  bool master() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ox::grid
