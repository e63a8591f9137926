// What a runner that was overtaken may have left in the database server: its connection, perhaps
// with a statement that still runs (a killed client does not end an ALTER TABLE).
//
// Purpose:   before a successor begins, nothing of the predecessor may change the schema any more:
//            its running statement is waited for, then its connection is ended, so that a runner
//            that was only frozen cannot go on with the statements of its task.
// Identity:  connection ids are unique for one life of one server; the lease keeps the server's
//            name and when the connection was named. Another or a restarted server has no such
//            connection: whatever ran there has ended or is part of what was replicated.
// Threads:   blocks its caller; asks on the successor's connection. Needs the right to see and end
//            connections of the same account, which every account has.
// Units:     milliseconds.
// Errors:    UPD-0007/0008 of the database; what `goOn` returns ends the waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "database/connection.h"

namespace ox::update {

// SQL: this server, as told from others.
inline constexpr const char* kServerName = "CONCAT(@@hostname, ':', @@port, '/', @@server_id)";
inline constexpr std::int64_t kPredecessorPollMillis = 100;
inline constexpr std::int64_t kPredecessorLogMillis = 10000;
// Statements are told to operators with at most this many bytes.
inline constexpr std::size_t kShownStatementBytes = 120;

struct Predecessor {
  std::string owner;
  std::int64_t connectionId = 0;
  std::string server;
  std::int64_t bound = 0;  // ms since 1970, database clock
};

// Waits up to waitMillis (0 = not at all, negative = without end) for the running statement, then
// ends the connection and waits until the server has cleaned up after it.
Status endPredecessor(db::Connection& connection, const Predecessor& predecessor,
                      std::int64_t waitMillis, const std::function<Status()>& goOn, Clock& clock);

// What runs on a connection now.
struct ServerThread {
  bool present = false;
  bool idle = false;       // COMMAND Sleep
  std::int64_t seconds = 0;
  std::string state;
  std::string statement;   // shortened
};
Result<ServerThread> serverThread(db::Connection& connection, std::int64_t connectionId);
// KILL QUERY (whole = false) or KILL; a connection that has gone is no failure.
Status killThread(db::Connection& connection, std::int64_t connectionId, bool whole);

}  // namespace ox::update
