#include "schema_lease.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "database/schema_state.h"
#include "update_table.h"

namespace ox::update {
namespace {

std::string now() { return kNowMillis; }

Error locked(const std::string& kind, const std::string& why) {
  return Error(Code::kUpdLocked, "another process is updating the schema (" + kind + ": " + why +
                                     ")");
}

// While taking, a conflict means: somebody was faster.
Error takeError(const Error& error, const std::string& kind, const std::string& what) {
  if (isConflict(error)) return locked(kind, "taken at this moment");
  return updateSqlError(error, what);
}

// While taking: the server ends a transaction of ours that rests too long (unknown to MySQL, which
// is no failure), and a row that somebody holds is not waited for long.
class IdleTransactionLimit {
 public:
  explicit IdleTransactionLimit(db::Connection& connection) : connection_(connection) {
    set(kTakeSeconds);
  }
  ~IdleTransactionLimit() { set(0); }
  IdleTransactionLimit(const IdleTransactionLimit&) = delete;
  IdleTransactionLimit& operator=(const IdleTransactionLimit&) = delete;

 private:
  void set(int seconds) {
    const std::string wait = "SET SESSION innodb_lock_wait_timeout = " +
                             (seconds > 0 ? std::to_string(kRowWaitSeconds) : "DEFAULT");
    if (!connection_.execute(wait + ", idle_transaction_timeout = " + std::to_string(seconds)))
      static_cast<void>(connection_.execute(wait));
  }
  db::Connection& connection_;
};

}  // namespace

Result<std::unique_ptr<SchemaLease>> SchemaLease::take(db::Connection& connection,
                                                       services::Concurrency kind,
                                                       const LeaseSettings& settings,
                                                       Clock& clock) {
  OX_CHECK(!settings.owner.empty() && settings.owner.size() <= 255);
  const std::string row =
      kind == services::Concurrency::kBlocking ? db::kLockedName : db::kBackgroundName;
  std::unique_ptr<SchemaLease> lease(new SchemaLease(row, settings, clock));
  const IdleTransactionLimit limit(connection);
  lease->lastBeatSteady_ = clock.steadyMillis();
  auto transaction = db::Transaction::begin(connection);
  if (!transaction) return updateSqlError(transaction.error(), "taking the lock");
  bool wasAbsent = false;
  if (Status s = lease->takeOriginalRow(connection, wasAbsent); !s) return s.error();
  if (Status s = lease->takeLeaseRow(connection, wasAbsent); !s) return s.error();
  // On Galera a conflict shows only now.
  if (Status s = transaction->commit(); !s) return takeError(s.error(), row, "taking the lock");
  return lease;
}

Status SchemaLease::abandon(db::Connection& connection, services::Concurrency kind,
                            const std::string& owner) {
  const std::string row =
      kind == services::Concurrency::kBlocking ? db::kLockedName : db::kBackgroundName;
  auto transaction = db::Transaction::begin(connection);
  if (!transaction) return transaction.error();
  auto mine = connection.query(
      "SELECT beat FROM updateTaskLease WHERE kind = ? AND owner = ? FOR UPDATE", {row, owner});
  if (!mine) return mine.error();
  if (mine->empty()) return {};
  auto removed = connection.execute(
      "DELETE FROM updateTask WHERE cid = 0 AND taskName = ? AND lastModified = ?",
      {row, mine->front().integer(0)});
  if (!removed) return removed.error();
  // As a lease that has run out: it may name the connection of a predecessor that was not ended.
  auto freed = connection.execute(
      "UPDATE updateTaskLease SET expires = 1 WHERE kind = ? AND owner = ?",
      {row, owner});
  if (!freed) return freed.error();
  return transaction->commit();
}

Result<std::optional<Predecessor>> SchemaLease::expiredOwner(db::Connection& connection,
                                                             services::Concurrency kind) {
  auto rows = connection.query(
      "SELECT owner, connection_id, server, bound FROM updateTaskLease WHERE kind = ? AND owner <> "
      "'' AND connection_id > 0 AND expires > 0 AND expires < " + now(),
      {kind == services::Concurrency::kBlocking ? db::kLockedName : db::kBackgroundName});
  if (!rows) return updateSqlError(rows.error(), "reading the lease");
  if (rows->empty()) return std::optional<Predecessor>{};
  const db::Row& row = rows->front();
  return std::optional<Predecessor>(
      Predecessor{row.text(0), row.integer(1), row.text(2), row.integer(3)});
}

Status SchemaLease::takeOriginalRow(db::Connection& connection, bool& wasAbsent) {
  // By name, not by uuid: releases of the original before 7.10 gave the row a random one.
  auto rows = connection.query("SELECT HEX(uuid), lastModified, " + now() +
                                   " FROM updateTask WHERE cid = 0 AND taskName = ? FOR UPDATE",
                               {kind_});
  if (!rows) return takeError(rows.error(), kind_, "reading the lock row");
  wasAbsent = rows->empty();
  if (wasAbsent) {
    uuidHex_ = kind_ == db::kLockedName ? db::kLockedUuidHex : db::kBackgroundUuidHex;
    auto inserted = connection.execute(
        "INSERT INTO updateTask (cid, taskName, successful, lastModified, uuid) "
        "VALUES (0, ?, 1, LAST_INSERT_ID(" + now() + "), UNHEX(?))",
        {kind_, uuid()});
    if (!inserted) return takeError(inserted.error(), kind_, "writing the lock row");
    if (*inserted != 1) return Error(Code::kUpdLockFailed);
    lastModified_ = static_cast<std::int64_t>(connection.lastInsertId());
    return {};
  }
  // Nobody refreshes meanwhile: that needs the row which is locked here.
  auto expired = connection.query(
      "SELECT beat FROM updateTaskLease WHERE kind = ? AND owner <> '' AND expires > 0 AND "
      "expires < " + now(),
      {kind_});
  if (!expired) return takeError(expired.error(), kind_, "reading the lease");
  for (const db::Row& row : *rows) {
    const std::int64_t idle = row.integer(2) - row.integer(1);
    if (!expired->empty() && expired->front().integer(0) == row.integer(1)) continue;
    if (settings_.idleMillis <= 0 || idle <= settings_.idleMillis)
      return locked(kind_, "its row was refreshed " + std::to_string(idle) + " ms ago");
  }
  // All are stale: the first becomes ours, if it is still the one we saw; others go.
  const db::Row& first = rows->front();
  if (first.isNull(0)) uuidHex_.reset();  // a table from before 7.8
  else uuidHex_ = first.text(0);
  lastModified_ = first.integer(2);
  const db::Value seen = uuid();
  // Without a uuid the row would stand in the way of the table's primary key while we hold it.
  if (!uuidHex_)
    uuidHex_ = kind_ == db::kLockedName ? db::kLockedUuidHex : db::kBackgroundUuidHex;
  auto moved = connection.execute(
      "UPDATE updateTask SET lastModified = ?, successful = 1, uuid = UNHEX(?) WHERE cid = 0 AND "
      "taskName = ? AND uuid <=> UNHEX(?) AND lastModified = ? LIMIT 1",
      {lastModified_, uuid(), kind_, seen, first.integer(1)});
  if (!moved) return takeError(moved.error(), kind_, "taking the stale lock row over");
  if (*moved == 0) return locked(kind_, "its stale row was taken over by somebody else");
  auto others = connection.execute(
      "DELETE FROM updateTask WHERE cid = 0 AND taskName = ? AND lastModified <> ?",
      {kind_, lastModified_});
  if (!others) return takeError(others.error(), kind_, "removing further stale lock rows");
  log::warn("the " + kind_ + " row of schema " + connection.schema() + " was not refreshed for " +
            std::to_string(first.integer(2) - first.integer(1)) + " ms and is taken over");
  return {};
}

Status SchemaLease::takeLeaseRow(db::Connection& connection, bool originalWasAbsent) {
  auto row = connection.execute(
      "INSERT IGNORE INTO updateTaskLease (kind, fence, owner, connection_id, taken, beat, expires)"
      " VALUES (?, 0, '', 0, 0, 0, 0)",
      {kind_});
  if (!row) return takeError(row.error(), kind_, "preparing the lease");
  auto before = connection.query(
      "SELECT owner, connection_id, server, bound FROM updateTaskLease WHERE kind = ? FOR UPDATE",
      {kind_});
  if (!before) return takeError(before.error(), kind_, "reading the lease");
  if (!before->empty() && !before->front().text(0).empty() && before->front().integer(1) != 0)
    predecessor_ = Predecessor{before->front().text(0), before->front().integer(1),
                               before->front().text(2), before->front().integer(3)};
  // The connection of a predecessor stays named until it was ended (bind): who dies while waiting for
  // it must not hide it from the next one.
  std::string sql = "UPDATE updateTaskLease SET fence = LAST_INSERT_ID(fence + 1), owner = ?, "
                    "beats = 0, taken = ?, beat = ?, expires = ?";
  std::vector<db::Value> values = {
      settings_.owner, lastModified_, lastModified_,
      settings_.lifeMillis() > 0 ? lastModified_ + settings_.lifeMillis() : std::int64_t{0}};
  if (!predecessor_) {
    sql += ", connection_id = ?, server = " + std::string(kServerName) + ", bound = " + now();
    values.emplace_back(static_cast<std::int64_t>(connection.connectionId()));
  }
  sql += " WHERE kind = ? AND (owner = '' OR (expires > 0 AND expires < " + now() + ")";
  values.emplace_back(kind_);
  if (originalWasAbsent)
    sql += " OR beat < " + now() + " - " + std::to_string(kUnblockedMillis);
  sql += ")";
  auto changed = connection.execute(sql, values);
  if (!changed) return takeError(changed.error(), kind_, "taking the lease");
  if (*changed == 0) return locked(kind_, "the lease has an owner");
  fence_ = static_cast<std::int64_t>(connection.lastInsertId());
  return {};
}

Error SchemaLease::superseded() {
  superseded_ = true;
  return Error(Code::kUpdSuperseded, "another runner has taken the " + kind_ +
                                         " lease over (ours had fence " + std::to_string(fence_) +
                                         ")");
}

Status SchemaLease::beat(db::Connection& connection) {
  const std::int64_t asked = clock_.steadyMillis();
  // The two rows carry the same time as long as only we wrote them. It always grows, also when the
  // database's clock is set back.
  auto changed = connection.execute(
      "UPDATE updateTask t STRAIGHT_JOIN updateTaskLease l SET t.lastModified = GREATEST(" + now() +
          ", t.lastModified + 1), l.beat = GREATEST(" + now() + ", l.beat + 1), l.beats = l.beats "
          "+ 1, l.expires = IF(? > 0, " + now() + " + ?, 0) WHERE t.cid = 0 AND t.uuid <=> "
          "UNHEX(?) AND t.taskName = ? AND t.lastModified = l.beat AND l.kind = ? AND l.fence = ? "
          "AND l.owner = ?",
      {settings_.lifeMillis(), settings_.lifeMillis(), uuid(), kind_, kind_, fence_, settings_.owner});
  if (!changed) return changed.error();
  if (*changed == 0) return superseded();
  lastBeatSteady_ = asked;
  return {};
}

// Again while another runner is at the same rows.
Status SchemaLease::contended(const std::function<Status()>& once) const {
  Status last;
  for (int i = 1; i <= kRefreshTries; ++i) {
    last = once();
    if (last || !isConflict(last.error())) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kConflictPauseMillis * i));
  }
  return last;
}

Status SchemaLease::bind(db::Connection& connection) {
  std::lock_guard lock(mutex_);
  if (superseded_) return superseded();
  const Status last = contended([&]() -> Status {
    auto changed = connection.execute(
        "UPDATE updateTaskLease SET connection_id = ?, server = " + std::string(kServerName) +
            ", bound = " + now() + " WHERE kind = ? AND fence = ? AND owner = ?",
        {static_cast<std::int64_t>(connection.connectionId()), kind_, fence_, settings_.owner});
    if (!changed) return changed.error();
    return *changed == 0 ? Status(superseded()) : Status();
  });
  if (last) predecessor_.reset();
  if (last || last.error().code == Code::kUpdSuperseded) return last;
  return updateSqlError(last.error(), "naming the connection in the lease");
}

Status SchemaLease::refresh(db::Connection& connection) {
  std::lock_guard lock(mutex_);
  if (superseded_) return superseded();
  const Status last = contended([&] { return beat(connection); });
  if (last || last.error().code == Code::kUpdSuperseded) return last;
  if (isConflict(last.error()))
    return Error(Code::kUpdSuperseded, "another runner writes the " + kind_ + " lease at this "
                                       "moment: " + last.error().message);
  return updateSqlError(last.error(), "refreshing the " + kind_ + " lock");
}

Status SchemaLease::guard(db::Connection& connection) {
  std::lock_guard lock(mutex_);
  if (superseded_) return superseded();
  // Not SELECT FOR UPDATE: only what is written takes part in Galera's certification.
  auto changed = connection.execute(
      "UPDATE updateTaskLease SET beats = beats + 1 WHERE kind = ? AND fence = ? AND owner = ?",
      {kind_, fence_, settings_.owner});
  if (!changed) return changed.error();
  if (*changed == 0) return superseded();
  return {};
}

Status SchemaLease::remove(db::Connection& connection) {
  // Two statements, each by itself: whoever dies in between leaves a lease without the original's
  // row, which the next one takes like an unblocked schema; nobody waits for a frozen transaction.
  auto row = connection.execute(
      "DELETE t FROM updateTask t STRAIGHT_JOIN updateTaskLease l WHERE t.cid = 0 AND t.uuid <=> "
      "UNHEX(?) AND t.taskName = ? AND t.lastModified = l.beat AND l.kind = ? AND l.fence = ? AND "
      "l.owner = ?",
      {uuid(), kind_, kind_, fence_, settings_.owner});
  if (!row) return row.error();
  rowRemoved_ = rowRemoved_ || *row != 0;
  // A predecessor that was not ended stays named, as a lease that has run out.
  auto lease = predecessor_
                   ? connection.execute("UPDATE updateTaskLease SET owner = ?, expires = 1 "
                                        "WHERE kind = ? AND fence = ? AND owner = ?",
                                        {predecessor_->owner, kind_, fence_, settings_.owner})
                   : connection.execute("UPDATE updateTaskLease SET owner = '', connection_id = 0, "
                                        "expires = 0 WHERE kind = ? AND fence = ? AND owner = ?",
                                        {kind_, fence_, settings_.owner});
  if (!lease) return lease.error();
  if (*lease == 0) return superseded();
  if (!rowRemoved_)
    return Error(Code::kUpdUnlockFailed, "the " + kind_ + " row was changed or removed by somebody "
                                         "else; the lease itself is given back");
  return {};
}

Status SchemaLease::release(db::Connection& connection) {
  std::lock_guard lock(mutex_);
  const Status last = contended([&] { return remove(connection); });
  if (last || last.error().code == Code::kUpdSuperseded ||
      last.error().code == Code::kUpdUnlockFailed)
    return last;
  return Error(Code::kUpdUnlockFailed, "removing the " + kind_ + " lock: " +
                                           last.error().toString());
}

bool SchemaLease::lost() const {
  std::lock_guard lock(mutex_);
  if (superseded_) return true;
  return settings_.lifeMillis() > 0 &&
         clock_.steadyMillis() - lastBeatSteady_ > settings_.lifeMillis();
}

}  // namespace ox::update
