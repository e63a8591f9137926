#include "replication_monitor.h"

#include <chrono>
#include <thread>

#include "base/log.h"

namespace ox::database {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::optional<std::int64_t> ReplicationMonitor::position(db::Connection& server,
                                                         std::int32_t contextId) {
  auto rows = server.query("SELECT transaction FROM replicationMonitor WHERE cid = ?",
                           {std::int64_t{contextId}});
  if (!rows || rows->empty()) return std::nullopt;
  return rows->front().integer(0);
}

// --- writing

std::optional<std::int64_t> ReplicationMonitor::raise(db::Connection& master,
                                                      std::int32_t contextId) {
  auto transaction = db::Transaction::begin(master);
  if (!transaction) return std::nullopt;
  auto raised = master.execute(
      "UPDATE replicationMonitor SET transaction = transaction + 1 WHERE cid = ?",
      {std::int64_t{contextId}});
  if (!raised) return std::nullopt;
  const auto number = position(master, contextId);
  return number && transaction->commit() ? number : std::nullopt;
}

bool ReplicationMonitor::announced(std::int32_t contextId, std::int64_t number) {
  struct State {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<bool> sure;
  };
  const auto state = std::make_shared<State>();
  positions_->announce(contextId, number, [state](const Result<bool>& sure) {
    std::lock_guard lock(state->mutex);
    state->sure = sure.ok() && *sure;
    state->came.notify_all();
  });
  std::unique_lock lock(state->mutex);
  state->came.wait_for(lock, milliseconds(kAnnounceMillis), [&] { return state->sure.has_value(); });
  return state->sure.value_or(false);
}

bool ReplicationMonitor::caughtUp(std::int32_t contextId, std::int64_t number,
                                  const Borrow& replica) {
  auto lease = replica();
  if (!lease) return false;
  const auto until = steady_clock::now() + milliseconds(kCatchUpMillis);
  for (;;) {
    const auto there = position(**lease, contextId);
    if (there && *there >= number) return true;
    if ((*lease)->broken() || steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(milliseconds(kLookMillis));
  }
}

void ReplicationMonitor::written(db::Connection& master, std::int32_t contextId,
                                 const Borrow& again, const Borrow& replica) {
  if (!enabled_) return;
  auto number = raise(master, contextId);
  if (!number && master.broken())
    if (auto other = again(); other) number = raise(**other, contextId);
  if (!number) {
    ++notRaised_;
    log::debug("replication monitor: the number of context " + std::to_string(contextId) +
               " was not raised");
    return;
  }
  if (announced(contextId, *number)) return;
  if (caughtUp(contextId, *number, replica)) {
    ++caughtUp_;
    toldUnconfirmed_ = false;
    return;
  }
  ++unconfirmed_;
  if (!toldUnconfirmed_.exchange(true))
    log::warn("a change of context " + std::to_string(contextId) +
              " is not known to all nodes, and its replica is behind: a node that does not know it may "
              "read older data until the replica has caught up");
}

// --- reading

ReplicationMonitor::Question ReplicationMonitor::ask(std::int32_t contextId) {
  Question question;
  question.monitor_ = this;
  question.state_ = std::make_shared<Question::State>();
  positions_->wanted(contextId, [state = question.state_](const Result<Wanted>& wanted) {
    std::lock_guard lock(state->mutex);
    state->wanted = wanted.valueOr(Wanted());
    state->came.notify_all();
  });
  return question;
}

Wanted ReplicationMonitor::Question::answer() {
  std::unique_lock lock(state_->mutex);
  const bool came = state_->came.wait_for(lock, milliseconds(kAskMillis),
                                          [this] { return state_->wanted.has_value(); });
  const Wanted wanted = state_->wanted.value_or(Wanted());
  lock.unlock();
  if (!came) monitor_->positions_->noAnswer();
  if (!came || wanted.known) monitor_->gridAnswered(came);
  return wanted;
}

void ReplicationMonitor::gridAnswered(bool ok) {
  if (ok) {
    if (toldSilent_.exchange(false))
      log::info("replication monitor: the grid tells the numbers of contexts again");
  } else if (!toldSilent_.exchange(true)) {
    log::warn("replication monitor: the grid does not answer within " +
              std::to_string(kAskMillis) + " ms, masters are asked how far replicas must be");
  }
}

}  // namespace ox::database
