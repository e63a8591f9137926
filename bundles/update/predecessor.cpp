#include "predecessor.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "database/statement.h"
#include "update_table.h"

namespace ox::update {
namespace {

constexpr int kNoSuchThread = 1094;
// The start of a server is known to the second.
constexpr std::int64_t kUptimeMillis = 1000;

// The connection can still exist: same server, and not started since.
Result<bool> sameServer(db::Connection& connection, const Predecessor& predecessor) {
  auto here = connection.query(std::string("SELECT ") + kServerName + ", " + kNowMillis);
  if (!here) return updateSqlError(here.error(), "asking which server this is");
  if (here->front().text(0) != predecessor.server) return false;
  auto uptime = connection.query("SHOW GLOBAL STATUS LIKE 'Uptime'");
  if (!uptime || uptime->empty()) return true;  // the process list decides
  const std::int64_t started = here->front().integer(1) - uptime->front().integer(1) * 1000;
  return started - kUptimeMillis <= predecessor.bound;
}

std::string describe(const ServerThread& thread) {
  return "'" + thread.statement + "' (" + std::to_string(thread.seconds) + " s" +
         (thread.state.empty() ? "" : ", " + thread.state) + ")";
}

}  // namespace

Result<ServerThread> serverThread(db::Connection& connection, std::int64_t connectionId) {
  auto rows = connection.query(
      "SELECT COMMAND, TIME, STATE, INFO FROM information_schema.PROCESSLIST WHERE ID = ?",
      {connectionId});
  if (!rows) return updateSqlError(rows.error(), "reading the process list");
  ServerThread out;
  if (rows->empty()) return out;
  const db::Row& row = rows->front();
  out.present = true;
  out.idle = row.text(0) == "Sleep";
  out.seconds = row.integer(1);
  out.state = row.text(2);
  out.statement = row.text(3).substr(0, kShownStatementBytes);
  while (!out.statement.empty() && !db::isUtf8(out.statement)) out.statement.pop_back();
  return out;
}

Status killThread(db::Connection& connection, std::int64_t connectionId, bool whole) {
  const std::string sql =
      std::string(whole ? "KILL " : "KILL QUERY ") + std::to_string(connectionId);
  if (auto done = connection.execute(sql); !done && connection.sqlError() != kNoSuchThread)
    return updateSqlError(done.error(), sql);
  return {};
}

Status endPredecessor(db::Connection& connection, const Predecessor& predecessor,
                      std::int64_t waitMillis, const std::function<Status()>& goOn, Clock& clock) {
  auto same = sameServer(connection, predecessor);
  if (!same) return same.error();
  if (!*same) {
    log::warn("the runner " + predecessor.owner + " worked on server " + predecessor.server +
              ", which is not this one or was restarted; nothing of it can be waited for");
    return {};
  }
  const std::string who = "connection " + std::to_string(predecessor.connectionId) +
                          " of the runner " + predecessor.owner;
  const std::int64_t began = clock.steadyMillis();
  std::int64_t logged = began - kPredecessorLogMillis;
  bool killed = false;
  for (;;) {
    auto thread = serverThread(connection, predecessor.connectionId);
    if (!thread) return thread.error();
    const std::int64_t now = clock.steadyMillis();
    if (!thread->present) {
      if (now - began >= kPredecessorPollMillis || killed)
        log::info(who + " has gone after " + std::to_string(now - began) + " ms");
      return {};
    }
    if (!killed && (thread->idle || (waitMillis >= 0 && now - began >= waitMillis))) {
      log::warn(who + " is ended" + (thread->idle ? "" : ", it still runs " + describe(*thread)));
      if (Status s = killThread(connection, predecessor.connectionId, true); !s) return s;
      killed = true;
    } else if (now - logged >= kPredecessorLogMillis) {
      log::warn(std::string(killed ? "waiting for the end of " : "waiting for ") + who +
                ", which still runs " + describe(*thread));
      logged = now;
    }
    if (Status s = goOn(); !s) return s;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPredecessorPollMillis));
  }
}

}  // namespace ox::update
