#include "fenced_rows.h"

#include <chrono>
#include <thread>

namespace ox::update {
namespace {

Result<std::uint64_t> once(db::Connection& connection, const std::string& sql, SchemaLease& lease,
                           const DdlSettings& settings) {
  auto transaction = db::Transaction::begin(connection);
  if (!transaction) return transaction.error();
  auto changed = changeTable(connection, sql, settings);
  if (!changed) return changed;
  if (Status ours = lease.guard(connection); !ours) return ours.error();
  if (Status done = transaction->commit(); !done) return done.error();
  return changed;
}

}  // namespace

Result<std::uint64_t> changeRows(db::Connection& connection, const std::string& sql,
                                 SchemaLease& lease, const DdlSettings& settings) {
  DdlSettings one = settings;
  int tries = 1, conflicts = 0;
  for (;;) {
    one.only = tries;
    auto done = once(connection, sql, lease, one);
    if (done) return done;
    std::int64_t pause = kDdlPauseMillis;
    if (done.error().code == Code::kBusy) {
      if (tries++ >= settings.tries || settings.stop()) return done;
    } else if (done.error().code == Code::kDbDeadlock) {
      if (++conflicts >= kConflictTries || settings.stop()) return done;
      settings.progress("rolled back in favour of another transaction, done again: " +
                        done.error().message);
      pause = kConflictPauseMillis * conflicts;
    } else {
      return done;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
  }
}

}  // namespace ox::update
