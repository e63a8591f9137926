// ReplicationMonitor: raises the number of a change at the master, and compares a replica with what is wanted.
//
// Every master connection that changed something raises replicationMonitor.transaction of its context when it
// comes back; the number is announced to all nodes (replica_positions.h) before the caller goes on. A
// replica with a smaller number than announced is behind.
// Threads: any; written() and Question::answer() block, each within the bounds below.
// Source:  the original's ReplicationMonitor, which knows what its own node wrote only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "database/connection.h"
#include "replica_positions.h"

namespace ox::database {

struct ReplicationStats {
  std::uint64_t masterFetched = 0;
  std::uint64_t slaveFetched = 0;
  std::uint64_t masterInsteadOfSlave = 0;
  std::uint64_t counterAsked = 0;  // the master told its number because nobody else knew
  std::uint64_t stale = 0;         // read although it was or may have been behind: the master is away
  std::uint64_t caughtUp = 0;      // unsure announcements that waited for the replica
  std::uint64_t unconfirmed = 0;   // changes that were answered although a node may read older data
  std::uint64_t notRaised = 0;     // changes whose number could not be raised
};

class ReplicationMonitor {
 public:
  static constexpr std::int64_t kAskMillis = 250;        // a read waits for the grid
  static constexpr std::int64_t kAnnounceMillis = 1'000; // a change waits for the grid
  static constexpr std::int64_t kCatchUpMillis = 2'000;  // and then for the replica
  static constexpr std::int64_t kLookMillis = 10;        // between two looks at the replica

  explicit ReplicationMonitor(std::shared_ptr<ReplicaPositions> positions)
      : positions_(std::move(positions)) {}
  void enable(bool on) { enabled_ = on; }
  bool enabled() const { return enabled_; }

  // Called with the master's connection before it is given back; `again` lends another one to the master, if
  // this one breaks, `replica` one to the replica.
  using Borrow = std::function<Result<db::Lease>()>;
  void written(db::Connection& master, std::int32_t contextId, const Borrow& again,
               const Borrow& replica);

  // Sent at once, so that the replica can be asked meanwhile.
  class Question {
   public:
    Wanted answer();

   private:
    friend class ReplicationMonitor;
    struct State {
      std::mutex mutex;
      std::condition_variable came;
      std::optional<Wanted> wanted;
    };
    ReplicationMonitor* monitor_ = nullptr;
    std::shared_ptr<State> state_;
  };
  Question ask(std::int32_t contextId);
  // The server's number of the context; nothing when it has none, or cannot tell.
  static std::optional<std::int64_t> position(db::Connection& server, std::int32_t contextId);

  ReplicaPositions& positions() { return *positions_; }
  void countMaster() { ++master_; }
  void countSlave() { ++slave_; }
  void countInstead() { ++instead_; }
  void countCounterAsked() { ++counterAsked_; }
  void countStale() { ++stale_; }
  ReplicationStats stats() const {
    return {master_, slave_, instead_, counterAsked_, stale_, caughtUp_, unconfirmed_, notRaised_};
  }

 private:
  std::optional<std::int64_t> raise(db::Connection& master, std::int32_t contextId);
  bool announced(std::int32_t contextId, std::int64_t number);
  static bool caughtUp(std::int32_t contextId, std::int64_t number, const Borrow& replica);
  void gridAnswered(bool ok);

  const std::shared_ptr<ReplicaPositions> positions_;
  std::atomic<bool> enabled_{true};
  std::atomic<bool> toldSilent_{false}, toldUnconfirmed_{false};
  std::atomic<std::uint64_t> master_{0}, slave_{0}, instead_{0}, counterAsked_{0}, stale_{0},
      caughtUp_{0}, unconfirmed_{0}, notRaised_{0};
};

}  // namespace ox::database
