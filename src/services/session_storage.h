// The cluster's side of sessions, as sessiond sees it. Offered as "session-storage".
//
// Purpose:   records of all sessions, their attributes, what has ended, and word to the other nodes.
// Threads:   every method from any thread, none waits. A completion runs on an engine thread (or on the
//            caller's) and must not block. The listener's functions likewise.
// Errors:    what the grid reports. A record that cannot be decoded counts as absent.
// Endings:   a closed session, user or context leaves a mark that outlives its record, so that no copy
//            brought in by a healed split or a late write ever answers again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/grid.h"
#include "services/session_attributes.h"
#include "services/sessions.h"

namespace ox::services {

// One session, or all sessions of a user or context that logged in until `endedMillis`.
struct SessionEnding {
  enum class Kind : std::uint8_t { kSession = 0, kUser = 1, kContext = 2 } kind = Kind::kSession;
  std::string sessionId;   // kSession
  std::int32_t contextId = 0;
  std::int32_t userId = 0;
  std::int64_t endedMillis = 0;
  std::string except;      // kUser: this session stays
  bool longLived = false;  // kSession: its record may idle for the long life time

  bool ends(const Session& s) const {
    if (kind == Kind::kSession) return s.sessionId == sessionId;
    if (s.contextId != contextId || s.loginTime > endedMillis) return false;
    return kind == Kind::kContext || (s.userId == userId && s.sessionId != except);
  }
};

struct SessionLookup {
  SessionPtr session;  // null: not there
  bool ended = false;  // then `session` is null, whatever record there still was
};

// What a login has to know of the cluster.
struct LoginFacts {
  std::uint64_t userSessions = 0;
  std::uint64_t clientSessions = 0;   // of the same client; counted only when asked for
  std::int64_t cutoffMillis = 0;      // sessions that logged in until then have ended
  bool authIdTaken = false;           // only when the session brings one
};

struct SessionsEnded {
  std::uint64_t removed = 0;     // records
  std::int64_t endedMillis = 0;  // of the mark: not before any session that was there
};

struct SessionQuery {
  std::string altId;       // either this
  std::int32_t contextId = 0;
  std::optional<std::int32_t> userId;
};

// Word between nodes.
struct SessionNotice {
  enum class Kind : std::uint8_t {
    kMoved = 0,    // taken over by the sender: drop the copy
    kChanged = 1,  // a newer state is in the storage: drop the copy
    kEnded = 2,
    kHeld = 3,     // question: do you hold this session? answer "1" or empty
  } kind = Kind::kMoved;
  std::string subject;   // session id
  SessionEnding ending;  // kEnded
};
struct NoticeAnswers {
  std::vector<std::string> answers;  // of those that answered
  std::size_t silent = 0;            // other nodes that did not
};

struct StoredFigures {  // of this node's share
  std::uint64_t owned = 0;
  std::uint64_t backup = 0;
};

struct SessionListener {
  std::function<std::string(const SessionNotice&)> notice;  // returns the answer
  std::function<void(const SessionEnding&)> ending;
  std::function<void()> gap;     // endings may have been missed
  std::function<void()> merged;  // records and endings of another half may have come
};

class SessionStorage {
 public:
  virtual ~SessionStorage() = default;
  // True: stored. False: `onlyIfAbsent`, and there is one.
  virtual void store(SessionPtr session, bool onlyIfAbsent, Completion<bool> done) = 0;
  virtual void lookup(const std::string& sessionId, Completion<SessionLookup> done) = 0;
  // Has it ended? Does not count as a use of the session.
  virtual void ended(SessionPtr session, Completion<bool> done) = 0;
  // Null: not there. `change` may run more than once.
  virtual void update(const std::string& sessionId, std::function<void(Session&)> change,
                      Completion<SessionPtr> done) = 0;
  // Resets the idle time, the record is not rewritten. True: there is a record.
  virtual void touch(const std::string& sessionId, Completion<bool> done) = 0;
  virtual void touchAttributes(const std::string& sessionId, Completion<std::uint64_t> done) = 0;
  // Leaves the mark, then removes records and attributes.
  virtual void end(SessionEnding ending, Completion<SessionsEnded> done) = 0;
  // Removes record and attributes without a mark (idle time is over).
  virtual void forget(const std::string& sessionId, Completion<bool> done) = 0;
  virtual void find(SessionQuery query, Completion<std::vector<SessionPtr>> done) = 0;
  // `client` empty: not counted.
  virtual void loginFacts(std::int32_t contextId, std::int32_t userId, const std::string& client,
                          Completion<LoginFacts> done) = 0;
  // Whether there is a session with this authId. One look by the index of the delivered map; without it at all records.
  virtual void authIdTaken(const std::string& authId, Completion<bool> done) = 0;

  virtual void attribute(const std::string& sessionId, const std::string& name,
                         Completion<std::optional<SessionAttribute>> done) = 0;
  virtual void attributes(const std::string& sessionId,
                          Completion<std::vector<SessionAttribute>> done) = 0;
  virtual void writeAttribute(const SessionPtr& session, AttributeWrite write,
                              Completion<AttributeWritten> done) = 0;

  virtual void size(Completion<std::uint64_t> done) = 0;  // records of the cluster
  virtual StoredFigures figures() const = 0;

  // To all other nodes; done when each has answered or is not waited for any more.
  virtual void notify(SessionNotice notice, Completion<NoticeAnswers> done) = 0;
  // Null ends it; a call that is under way may still run.
  virtual void listen(std::shared_ptr<const SessionListener> listener) = 0;
};

}  // namespace ox::services
