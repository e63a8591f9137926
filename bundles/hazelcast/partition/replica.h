// Replica: what this member holds of one partition; Partition: that plus its role.
//
// Threads:   one (its shard's).
// Ownership: plain state, driven by ShardCore (owner side: replication.cpp, backup side: backup.cpp).
#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "map/record_store.h"
#include "member_protocol/data_messages.h"
#include "services/grid.h"
#include "structures/container.h"

namespace ox::grid {

// Result of any operation kind.
struct OpResult {
  services::MapReply reply;
  std::uint64_t count = 0;
  std::uint32_t cursor = 0;
  std::vector<services::MapEntry> entries;
};

// Recent writes of other members' callers with their results, so that a retry is answered and not
// applied again. Bounded by number, age and bytes; the newest kAlwaysKept stay whatever their size.
// Of those that had to go the greatest counter per caller is known: callers number their operations
// in the order they send them, so that one at or below it was served once and is not served again.
class RecentOperations {
 public:
  struct Entry {
    OpId id;
    std::int64_t at = 0;     // steady ms
    std::uint64_t seq = 0;   // number of the write; ordered over terms
    std::uint64_t count = 0;
    bool applied = true;
    std::optional<Bytes> value;
  };
  static constexpr std::size_t kMaxCallers = 2048;  // more than members: restarts come as new ones
  static constexpr std::size_t kMaxEntries = 512;
  static constexpr std::size_t kAlwaysKept = 16;
  static constexpr std::size_t kMaxBytes = 256u << 10;

  const Entry* find(const OpId& id) const;
  void add(Entry entry, std::int64_t maxAgeMillis);
  void clear();
  const std::deque<Entry>& entries() const { return entries_; }
  // Served once, result not known any more.
  bool forgotten(const OpId& id) const {
    const auto it = forgotten_.find(id.member);
    return it != forgotten_.end() && id.counter <= it->second;
  }
  void forgetUpTo(const OpId& id);
  using Forgotten = absl::flat_hash_map<MemberId, std::uint64_t, std::hash<MemberId>>;
  const Forgotten& forgotten() const { return forgotten_; }
  template <typename F>
  void dropCallers(F&& gone) {  // whose member is gone for good
    absl::erase_if(forgotten_, [&](const auto& e) { return gone(e.first); });
  }

 private:
  void dropOldest();
  Forgotten forgotten_;
  std::deque<Entry> entries_;  // oldest first
  std::uint64_t first_ = 0;    // running number of entries_.front()
  absl::flat_hash_map<OpId, std::uint64_t> byId_;  // -> running number
  std::size_t bytes_ = 0;
};

// A container and the number of the write that changed it last.
struct HeldContainer {
  std::unique_ptr<Container> state;
  std::uint64_t seq = 0;
};

// One write on its way to the followers, and into the memory of operations.
struct Change {
  Effect effect = Effect::kNone;
  BytesView key;
  const Record* record = nullptr;   // kStored
  Stamp stamp;                      // kRemoved, kCleared: of the tombstone
  Burial why = Burial::kRemoved;
  const OpId* remote = nullptr;     // operation of another member's caller
  const OpResult* result = nullptr; // with remote: what it was answered
  bool ownAnswer = false;           // the result's value is neither the former one nor nothing
  enum class Cause : std::uint8_t { kOperation, kMerge, kEviction } cause = Cause::kOperation;
};

struct Replica {
  ViewId term;                  // of the owner that wrote it last; zero = nothing ever held
  MemberId termOwner;
  Versions versions{};
  std::uint8_t validFrom = 0;   // levels below are incomplete here
  std::uint64_t seqSeen = 0;    // greatest versions[0] met
  std::vector<std::unique_ptr<RecordStore>> stores;  // by map index, null = never used
  std::vector<std::unique_ptr<HeldContainer>> containers;  // by map index, too
  RecentOperations recent;

  void forget();
};

// A copy that arrives in chunks; replaces the replica at its last chunk.
struct Staged {
  MemberId from;
  std::uint32_t round = 0;
  std::uint32_t nextIndex = 0;
  std::size_t map = SIZE_MAX;  // the records go there
  Replica replica;
};

// The owner's picture of one other holder of the partition.
struct Follower {
  enum class Sync : std::uint8_t {
    kDown,       // no link, or it refused us: compared again later
    kComparing,  // asked; writes are sent in the expectation that it is in sync
    kWaiting,    // needs a copy, waits for its turn; writes will be in the copy
    kCopying,
    kSynced,
  };
  MemberId id;
  int index = -1;            // place in the replica list, -1 = only a migration target
  bool target = false;
  bool becomesOwner = false;
  int targetIndex = 0;
  std::uint8_t level = 0;
  Sync sync = Sync::kDown;
  std::uint32_t round = 0;
  std::uint64_t acked = 0;        // holds every write up to this number
  std::int64_t progressAt = 0;    // steady ms
  std::int64_t comparedAt = 0;
  std::int64_t notBefore = 0;     // of the next copy
  bool untold = true;             // may have missed touches: its idle times start anew
  bool repaired = false;          // copied anew for its digest, not compared equal since
  std::int64_t reportedAt = 0;    // arrival told to the master, 0 = not since this view
  // Copy: frames not sent yet (chunks, then the writes that followed).
  std::deque<Bytes> outbox;
  std::size_t outboxBytes = 0;
  std::size_t outboxLimit = 0;
  std::uint32_t chunksInFlight = 0;
  std::uint32_t chunksUnsent = 0;

  bool streaming() const {
    return sync == Sync::kComparing || sync == Sync::kCopying || sync == Sync::kSynced;
  }
  void endCopy() {
    outbox.clear();
    outboxBytes = 0;
    chunksInFlight = chunksUnsent = 0;
  }
};

// A write that waits for its backups, or a reader of such a write: answered to a local caller or to
// another member's.
struct PendingWrite {
  std::uint64_t seq = 0;
  std::uint64_t key = 0;  // ShardCore::Impl::mark of map and key
  std::int64_t deadline = 0;
  services::Completion<services::MapReply> done;
  std::function<void(Result<OpResult>)> internal;
  MemberId caller;  // valid = other member
  std::uint64_t counter = 0;
  std::uint32_t stream = 0;
  OpResult result;
};

// A message to a listener that waits until the backups hold what it tells.
struct UntoldEvent {
  std::uint64_t number = 0;  // of the change
  MemberId to;
  Bytes frame;
};

// A write to a key that somebody else has locked.
struct LockedWrite {
  std::size_t map = 0;
  services::MapRequest request;
  std::uint32_t token = 0;
};

// A request to a container; kept while it is parked, that is, while it waits for a change.
struct ContainerCall {
  OpKind kind = OpKind::kContainer;
  std::size_t map = 0;
  Bytes request;
  std::int64_t waitUntil = 0;  // steady ms
  MemberId caller;             // valid = other member
  std::uint64_t counter = 0;
  std::uint32_t stream = 0;
  std::function<void(Result<OpResult>)> internal;
  bool parked = false;
  std::unique_ptr<LockedWrite> write;  // not a request: waits for a change of the locks
};
struct ContainerAnswer {
  ContainerCall call;
  std::uint64_t waitFor = 0;  // number that backups must reach
  Result<OpResult> result;
};

// Operations of this member's callers on one partition, in the order they were given.
struct CallStream {
  std::uint32_t attempt = 1;
  std::vector<std::uint64_t> waiting;  // counters of calls not sent (any more)
  std::int64_t retryAt = 0;            // steady ms, 0 = on the next view or link
  bool flushing = false;               // older calls are being sent: newer ones wait
  bool idle() const { return waiting.empty() && !flushing; }
};

struct Partition {
  std::int64_t markedAt = 0;  // steady ms: listeners were told how far the numbers are
  int number = 0;
  Replica data;
  std::unique_ptr<Staged> staged;

  ViewId toldUnder;  // view under which the owner told all reads before it hands over
  std::int64_t clockAhead = 0;  // ms of our wall clock before the owner's, when it told that

  bool owner = false;
  ViewId baseTerm;  // what was held when the term began
  std::uint8_t baseValidFrom = 0;
  Versions baseVersions{};
  std::uint32_t rounds = 0;
  std::vector<Follower> followers;
  int backups = 0;  // replicas beside the owner in the view
  std::deque<PendingWrite> pending[kMaxReplicas];  // by the map's synchronous backup count
  std::map<int, std::deque<UntoldEvent>> untold;   // by the same count
  std::size_t untoldBytes = 0;
  bool frozen = false;
  bool reported = false;  // the freeze is final until a view comes
  std::deque<std::pair<MemberId, Bytes>> frozenQueue;
  absl::flat_hash_map<MemberId, std::uint32_t, std::hash<MemberId>> refused;  // attempt per caller

  CallStream calls;
  std::deque<ContainerCall> parkedCalls;
  bool membersChanged = false;  // containers have not been told yet

  Follower* follower(const MemberId& id) {
    for (auto& f : followers)
      if (f.id == id) return &f;
    return nullptr;
  }
  bool drained() const {
    for (const auto& queue : pending)
      if (!queue.empty()) return false;
    return true;
  }
};

}  // namespace ox::grid
