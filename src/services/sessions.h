// User sessions. bundles/sessiond offers "sessions" and "session-attributes" (session_attributes.h);
// bundles/sessionstorage-hazelcast offers "session-storage" (session_storage.h), which sessiond uses.
//
// Threads:   any; every method that names a session, but held(), may block on the grid (never call it
//            from a shard thread).
// Ownership: Session objects are immutable snapshots shared by pointer.
// Secrets:   password, secret, randomToken never go to a log or to a management interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace ox::services {

// Whose session it is: each kind has its own limit. Not stored.
enum class SessionKind : std::uint8_t { kUser, kGuest, kLink };

// Fields of the original's PortableSession (factory 873, class 1), same meaning.
struct Session {
  std::string loginName;
  std::string password;     // clear in memory only; obfuscated in storage
  std::int32_t contextId = 0;
  std::int32_t userId = 0;
  std::string sessionId;    // 32 hex digits
  std::string secret;
  std::string login;
  std::string randomToken;
  std::string localIp;
  std::string authId;
  std::string hash;
  std::string client;
  std::string userLogin;
  std::string altId;
  std::string userAgent;
  std::int64_t loginTime = 0;        // ms since 1970
  std::int64_t localLastActive = 0;  // at this node; a stored record has changedMillis in this field
  std::int64_t changedMillis = 0;    // when its fields were last changed, by whoever did it
  std::string remoteParameters;      // JSON object text or empty
  std::string origin;
  bool staySignedIn = false;
  // Lives on its node only: neither in the storage nor in the long-term container.
  bool transient = false;
  SessionKind kind = SessionKind::kUser;
};
using SessionPtr = std::shared_ptr<const Session>;

struct SessionCounts {
  std::uint64_t active = 0;
  std::uint64_t shortTerm = 0;
  std::uint64_t longTerm = 0;
  std::uint64_t transient = 0;  // of `active`
  std::uint64_t takenOver = 0;  // fetched from the grid since start
};

// Whose sessions are to be closed. One of the forms; `except` spares one session of a user.
struct CloseRequest {
  std::vector<std::string> sessionIds;
  std::vector<std::int32_t> contextIds;
  struct User {
    std::int32_t contextId = 0;
    std::int32_t userId = 0;
  };
  std::vector<User> users;
  std::string except;
  bool global = true;  // false: what this node holds only
};

class SessionService {
 public:
  virtual ~SessionService() = default;
  // Fills sessionId, secret, altId, times; keeps it here and in the storage. An authId that comes with it
  // must be nobody else's: RUN-0004, which is SES-0008 to clients.
  virtual Result<SessionPtr> create(Session session) = 0;
  // Here, else from the storage (taken over); SES-0203 when nowhere. `tookOver` may be null.
  virtual Result<SessionPtr> find(const std::string& sessionId, bool* tookOver = nullptr) = 0;
  // The session when this node holds it, else null; a use as by find(). Never waits: any thread.
  virtual SessionPtr held(const std::string& sessionId) = 0;
  // Ends it on all nodes, with its attributes.
  virtual Status remove(const std::string& sessionId) = 0;
  // Nobody has come for it: it leaves this node, and the storage when no other node holds it. Unlike
  // an ending it leaves no mark: whoever uses the session in the other half of a split keeps it.
  virtual void abandon(const std::string& sessionId) = 0;
  virtual SessionCounts counts() const = 0;

  // By the value of the public session cookie; taken over when it is another node's.
  virtual Result<SessionPtr> findByAltId(const std::string& altId) = 0;
  // Was it closed, on whichever node? Asks the marks of the cluster, not the copy that is here.
  virtual Result<bool> ended(const SessionPtr& session) = 0;
  // Applies `change` to the newest state of the session, in the storage and here; other nodes drop
  // their copies before this returns. `change` may run more than once, and changes neither ids nor
  // context and user. SES-0203 when the session is nowhere.
  virtual Result<SessionPtr> update(const std::string& sessionId,
                                    std::function<void(Session&)> change) = 0;
  // Of the whole cluster when a storage is there; userId nothing = of the whole context.
  virtual Result<std::vector<SessionPtr>> sessionsOf(std::int32_t contextId,
                                                     std::optional<std::int32_t> userId) = 0;
  // Ends them on all nodes: number of sessions that ended. A user's or context's sessions that a cut
  // network hides from this node end when it is whole again.
  virtual Result<std::uint64_t> close(const CloseRequest& request) = 0;
};

}  // namespace ox::services
