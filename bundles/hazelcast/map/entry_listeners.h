// Entry listeners: who listens (replicated with the partition) and what is sent to them.
//
// Purpose:   ListenTable is container "@listen:MAP": registrations of one map in one partition.
//            EntryEventMessage is frame kind 0x49, from the owner to the listener's member.
//            ListenerProgress (per registration and partition, at the listener) finds every loss.
// How a loss is found: the owner numbers the writes of a partition (versions[0]). Every message
//            covers a stretch of these numbers: (from, to]. An event or a mark whose `from` is
//            beyond what the listener has covered means that something is missing: a gap event. A new
//            owner begins with the number that it took over; what the former one still sends is
//            awaited for kHandoverMillis, so that a hand-over in order shows neither gap nor disorder.
//            A new owner that begins below what is covered took over less than was told: a gap, too.
//            That is rare: the owner tells a change when the synchronous backups hold it.
// Threads:   one (its shard's).
// Bounds:    kMaxRegistrations per map and partition, kMaxHeldEvents while a hand-over is awaited,
//            kMaxUntoldEvents and kMaxUntoldBytes per partition while backups are awaited.
// Source:    docs/formats/predicates.md (wire form), bundles/hazelcast/map/README.md (promise)
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "map/predicate.h"
#include "member_protocol/message.h"
#include "membership/cluster_view.h"
#include "services/grid_query.h"
#include "structures/container.h"

namespace ox::grid {

inline constexpr std::size_t kMaxRegistrations = 1024;
inline constexpr std::size_t kMaxHeldEvents = 1024;
inline constexpr std::size_t kMaxUntoldEvents = 16384;
inline constexpr std::size_t kMaxUntoldBytes = 16u << 20;  // one more may begin below it
inline constexpr std::int64_t kHandoverMillis = 1000;
inline constexpr std::int64_t kMarkMillis = 1000;  // how often an owner says "nothing happened"
inline constexpr const char* kListenType = "listen";

inline constexpr std::uint8_t kListenValue = 1;     // new values are sent
inline constexpr std::uint8_t kListenOldValue = 2;  // former values are sent

struct EntryEventMessage {
  enum class Part : std::uint8_t { kEvent = 0, kMark = 1, kFresh = 2 };  // fresh: was not known here
  std::uint64_t registration = 0;
  ViewId term;  // under which the sender became owner
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  Part part = Part::kMark;
  services::EntryEventType type = services::EntryEventType::kAdded;
  BytesView key;
  std::optional<BytesView> value, oldValue;

  Bytes encode(std::uint16_t slot) const;
  static Result<EntryEventMessage> decode(ByteReader& in);
};

Bytes encodeListen(std::uint64_t registration, std::uint8_t flags, BytesView predicate);
Bytes encodeUnlisten(std::uint64_t registration);

class ListenTable final : public Container {
 public:
  struct Registration {
    std::uint8_t flags = 0;
    Bytes predicate;  // empty = every entry
    // Of the owner alone, not replicated:
    std::shared_ptr<const CompiledPredicate> compiled;
    bool fresh = false;      // came to be under this owner
    bool announced = false;  // told that this owner sends
    ViewId term;             // `sent` belongs to it
    std::uint64_t sent = 0;  // covered up to here
  };
  using Key = std::pair<MemberId, std::uint64_t>;

  ContainerOutcome apply(BytesView request, const ContainerContext& context) override;
  bool replay(BytesView delta) override;
  void snapshot(const Piece& out) const override;
  bool restore(BytesView piece) override { return replay(piece); }
  Bytes membersChanged(const Present& present, const ContainerContext& context) override;
  bool empty() const override { return all_.empty(); }
  std::size_t bytes() const override;

  std::map<Key, Registration>& registrations() { return all_; }

 private:
  bool change(BytesView bytes, bool fresh);
  std::map<Key, Registration> all_;
};

// What one registration has seen of one partition.
class ListenerProgress {
 public:
  struct Held {
    MemberId from;
    ViewId term;
    Bytes frame;  // a whole message, behind the head
  };
  using Deliver = std::function<void(services::EntryEvent)>;

  // `quiet`: the former owner cannot send any more. Events come out in order, gaps included.
  void received(const MemberId& from, BytesView body, const EntryEventMessage& message,
                int partition, std::int64_t now, const std::function<bool(const MemberId&)>& quiet,
                const Deliver& deliver);
  void tick(int partition, std::int64_t now, const std::function<bool(const MemberId&)>& quiet,
            const Deliver& deliver);
  // What follows has nothing to do with what was: a gap now, and another when something follows.
  void forget(int partition, const Deliver& deliver);

 private:
  void take(const MemberId& from, const EntryEventMessage& m, int partition,
            const Deliver& deliver);
  void gap(int partition, const Deliver& deliver);
  void release(int partition, bool lost, const Deliver& deliver);

  bool known_ = false;
  bool lost_ = false;     // something, before whatever comes first
  MemberId owner_;
  ViewId term_;
  std::uint64_t covered_ = 0;
  bool waiting_ = false;  // a newer owner has spoken; what it said is held
  std::uint64_t base_ = 0;
  std::int64_t since_ = 0;
  std::deque<Held> held_;
};

}  // namespace ox::grid
