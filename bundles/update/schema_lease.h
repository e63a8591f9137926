// The lease of one schema: who may run its blocking (or background) update tasks.
//
// Purpose:   at most one runner per schema and kind, also next to Java nodes on the same database.
//            Two rows are taken, refreshed and released together in one transaction:
//              updateTaskLease  ours: owner and fence; the fence grows with every taking
//              updateTask       the original's row LOCKED or BACKGROUND, its lastModified our beat
//            Every change is conditional (this fence and owner; the original row still as the lease
//            says it was written), so whoever was overtaken changes nothing and notices it: 0 rows.
//            A refresh is one statement and raises the counter `beats`; what is compared stands in
//            the database, so that a lost answer is never taken for a lost lease.
// Connection: the lease names the database connection its owner works on (bind), with server and
//            time; whoever takes over finds there what the dead owner left running (predecessor.h).
// Taking:    the original row is absent, or stale by the idle time (its lastModified is replaced
//            only if it is still the one that was seen), and nobody owns the lease or it expired by
//            the database's clock. idle 0 = never stale, unless the row is the one of an expired
//            lease. If the original row is gone while the
//            lease has an owner (an operator unblocked the schema), the lease counts as left
//            behind kUnblockedMillis after its last beat.
// Threads:   any; one mutex around each conversation with the database.
// Errors:    UPD-0003 somebody else holds it (also 1213 and 1062 while taking), UPD-0028
//            superseded, UPD-0004/0006 row not written or removed, UPD-0007/0008 SQL.
// source: the original's SchemaStoreImpl (lock rows, staleness, error numbers).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "database/connection.h"
#include "predecessor.h"
#include "services/updates.h"

namespace ox::update {

inline constexpr std::int64_t kUnblockedMillis = 60000;
// A row that two runners fight for is tried this often, with growing pauses in which a Galera node
// applies what the other has written; then the lease counts as theirs.
inline constexpr int kRefreshTries = 3;
inline constexpr std::int64_t kConflictPauseMillis = 50;
// A runner that is frozen while it takes must not hold the rows for ever (MariaDB ends its
// transaction after this; elsewhere the conditional statements alone decide).
inline constexpr int kTakeSeconds = 20;
inline constexpr int kRowWaitSeconds = 5;

struct LeaseSettings {
  std::int64_t idleMillis = 60000;  // of the original's row; 0 = never stale
  std::string owner;                // node and process, unique per taking
  // Of a lease, which is refreshed for certain: expires after this; -1 = as idleMillis.
  std::int64_t leaseMillis = -1;
  std::int64_t lifeMillis() const { return leaseMillis < 0 ? idleMillis : leaseMillis; }
};

class SchemaLease {
 public:
  // `connection` has the schema selected; it is used for this call only.
  static Result<std::unique_ptr<SchemaLease>> take(db::Connection& connection,
                                                   services::Concurrency kind,
                                                   const LeaseSettings& settings,
                                                   Clock& clock = systemClock());

  // After a take() whose outcome is unknown (connection lost at commit): removes both rows if they
  // were written by this owner.
  static Status abandon(db::Connection& connection, services::Concurrency kind,
                        const std::string& owner);

  // The owner of a lease that has run out, without any lock: it may be frozen inside a transaction
  // and hold the rows that take() needs.
  static Result<std::optional<Predecessor>> expiredOwner(db::Connection& connection,
                                                         services::Concurrency kind);

  // Names the connection that this owner works on from now; what a predecessor left must have been
  // ended before. UPD-0028 once superseded.
  Status bind(db::Connection& connection);
  // The owner whose lease had run out, and the connection it worked on; nothing after a clean end and
  // after bind(). Until then the lease goes on naming that connection, and release() leaves it named.
  const std::optional<Predecessor>& predecessor() const { return predecessor_; }

  // One beat. UPD-0028 once superseded (and for ever after), or when the rows stay contended (the
  // next one may succeed); other errors may pass.
  Status refresh(db::Connection& connection);
  // Inside the caller's transaction: fails with UPD-0028 unless the lease is still ours, and changes
  // its row, so that nobody takes over before the transaction ends; on Galera, where another node
  // does not see the lock, the commit conflicts with a take-over that was faster.
  Status guard(db::Connection& connection);
  // Gives both rows back. UPD-0028 when they are not ours any more (nothing is changed then).
  Status release(db::Connection& connection);

  // Known superseded, or no beat reached the database for the idle time: somebody may be there.
  bool lost() const;
  std::int64_t fence() const { return fence_; }
  const std::string& owner() const { return settings_.owner; }
  const std::string& kind() const { return kind_; }

 private:
  SchemaLease(std::string kind, LeaseSettings settings, Clock& clock)
      : kind_(std::move(kind)), settings_(std::move(settings)), clock_(clock) {}
  Status takeOriginalRow(db::Connection& connection, bool& wasAbsent);
  Status takeLeaseRow(db::Connection& connection, bool originalWasAbsent);
  Status beat(db::Connection& connection);
  Status contended(const std::function<Status()>& once) const;
  Status remove(db::Connection& connection);
  Error superseded();

  const std::string kind_;
  const LeaseSettings settings_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::int64_t fence_ = 0;
  db::Value uuid() const { return uuidHex_ ? db::Value{*uuidHex_} : db::Value{}; }
  std::optional<std::string> uuidHex_;  // of the original row
  std::int64_t lastModified_ = 0;   // as take() wrote it
  std::optional<Predecessor> predecessor_;
  std::int64_t lastBeatSteady_ = 0; // our clock, ms
  bool superseded_ = false;
  bool rowRemoved_ = false;  // by an earlier try of release()
};

}  // namespace ox::update
