// ReplicaPositions: how far a replica must have come before a node may read a context from it.
//
// Purpose:  each change of a context raises a number at its master (table replicationMonitor). It is put into
//           a map of the grid before the change is answered; who reads asks the map. This file is the decision;
//           replication_monitor.h asks the databases.
// Rule:     an entry is never below the number of an answered change; no entry means: ask the master. So an
//           entry may be evicted or lost at any time, and only a wrong one matters.
// Split:    entries are trusted while nobody of the cluster is missing and nothing has moved for settleMillis.
//           Otherwise the master is asked, and announce() answers "not sure" for settleMillis after a loss: the
//           other half may not have noticed yet.
// Threads:  any. Completions run on a thread of the grid and must not block. No thread, no database here.
// Limits:   kMaxOwn remembered numbers (forgotten all at once), kMaxOwed that the grid has not taken (beyond
//           that the map is cleared when the grid is back), kMaxLost missing members.
// Format:   docs/formats/replication-positions.md (ours).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "services/grid.h"

namespace ox::database {

inline constexpr const char* kPositionsMap = "replication-positions-1";
inline constexpr const char* kRaiseProcessor = "ox.replication-position";

// At the owner of the entry: the higher of the number there and the one given.
services::EntryChange raisePosition(const services::EntryView& entry, BytesView argument);
Bytes encodeRaise(std::int64_t number);

struct PositionSettings {
  std::int64_t settleMillis = 60'000;      // after a change of the members
  std::int64_t forgetMillis = 3'600'000;   // a missing member counts as removed for good
  std::int64_t silenceMillis = 1'000;      // a grid that did not answer is not asked again before
};

struct Wanted {
  bool known = false;      // false: only the master can tell
  std::int64_t least = 0;  // never less than this
};
// May a replica that has come so far (nothing: it could not tell) be read?
bool serves(const Wanted& wanted, std::optional<std::int64_t> replica);

struct PositionStats {
  std::uint64_t announced = 0;   // numbers that the grid has taken
  std::uint64_t unsure = 0;      // announcements that not every reader need have heard of
  std::uint64_t known = 0;       // reads that the grid could tell the number
  std::uint64_t absent = 0;      // no entry
  std::uint64_t untrusted = 0;   // not asked: no grid, somebody missing, not settled
  std::uint64_t silent = 0;      // the grid failed or did not answer in time
  std::uint64_t undecodable = 0;
  std::uint64_t refuted = 0;     // entries above the master's own number, removed
  std::size_t owed = 0;          // numbers that the grid has not taken yet
  bool trusted = false;
};

class ReplicaPositions : public std::enable_shared_from_this<ReplicaPositions> {
 public:
  static constexpr std::size_t kMaxOwn = 200'000;
  static constexpr std::size_t kMaxOwed = 10'000;
  static constexpr std::size_t kMaxLost = 1024;
  static constexpr std::size_t kOfferAtOnce = 256;

  // `map` null = no grid: the master is asked each time.
  ReplicaPositions(std::shared_ptr<services::GridMap> map, Clock& clock,
                   PositionSettings settings = {});

  // The master gave `number` to a change of the context. true = no reader that begins from now on will be
  // content with less; false = one that has not noticed yet that members are missing could be.
  void announce(std::int32_t contextId, std::int64_t number, services::Completion<bool> done);
  // Asked before the replica is read. Never an error.
  void wanted(std::int32_t contextId, services::Completion<Wanted> done);
  // Who waited for wanted() has given up.
  void noAnswer();
  // The master's own number, when the grid had none.
  void told(std::int32_t contextId, std::int64_t number);
  // The master's own number is below what was wanted: the context was made anew, or a promoted replica lacks
  // what the former master had.
  void refuted(std::int32_t contextId, std::int64_t wanted, std::int64_t number);

  // As the grid says it, at each change and each second.
  // `members`: address -> uuid.
  void membersAre(bool joined, const std::map<std::string, std::string>& members, bool safe);
  // Offers again what the grid has not taken.
  void tick();
  void settings(PositionSettings settings);
  PositionStats stats() const;

 private:
  struct Owed {
    std::int64_t number = 0;
    int inFlight = 0;
  };
  bool trusted(std::int64_t now) const;
  bool heard(std::int64_t now) const;
  void remember(std::int32_t contextId, std::int64_t number);
  std::int64_t own(std::int32_t contextId) const;
  bool owe(std::int32_t contextId, std::int64_t number);
  void offer(std::int32_t contextId, std::int64_t number, services::Completion<bool> done);
  void taken(std::int32_t contextId, std::int64_t number, bool ok);
  void clearMap();

  const std::shared_ptr<services::GridMap> map_;
  Clock& clock_;
  mutable std::mutex mutex_;
  PositionSettings settings_;
  PositionStats stats_;
  std::unordered_map<std::int32_t, std::int64_t> own_;
  std::map<std::int32_t, Owed> owed_;
  bool overflowed_ = false;  // numbers were not kept: the map must be cleared
  bool clearing_ = false;
  bool joined_ = false;
  std::map<std::string, std::string> members_;
  std::map<std::string, std::int64_t> lost_;  // address, since when
  std::optional<std::int64_t> lastLoss_;
  std::int64_t quietSince_ = 0;
  std::int64_t silentUntil_ = 0;
};

}  // namespace ox::database
