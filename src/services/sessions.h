// User sessions. bundles/sessiond offers "sessions"; bundles/sessionstorage-hazelcast offers
// "session-storage", which sessiond uses when it is there.
//
// Threads:   any; find() may block on the grid (never call it from a shard thread).
// Ownership: Session objects are immutable snapshots shared by pointer.
// Secrets:   password, secret, randomToken never go to a log or to a management interface.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"

namespace ox::services {

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
  std::int64_t localLastActive = 0;
  std::string remoteParameters;      // JSON object text or empty
  std::string origin;
  bool staySignedIn = false;
};
using SessionPtr = std::shared_ptr<const Session>;

class SessionStorage {
 public:
  virtual ~SessionStorage() = default;
  virtual Status store(const Session& session) = 0;
  virtual Result<SessionPtr> lookup(const std::string& sessionId) = 0;  // null pointer: not there
  virtual Result<bool> remove(const std::string& sessionId) = 0;
  virtual void touch(const std::string& sessionId) = 0;  // resets the idle time, does not wait
};

struct SessionCounts {
  std::uint64_t active = 0;
  std::uint64_t shortTerm = 0;
  std::uint64_t longTerm = 0;
  std::uint64_t takenOver = 0;  // fetched from the grid since start
};

class SessionService {
 public:
  virtual ~SessionService() = default;
  // Fills sessionId, secret, randomToken, altId, times; keeps it here and in the storage.
  virtual Result<SessionPtr> create(Session session) = 0;
  // Here, else from the storage (taken over); SES-0203 when nowhere. `tookOver` may be null.
  virtual Result<SessionPtr> find(const std::string& sessionId, bool* tookOver = nullptr) = 0;
  virtual Status remove(const std::string& sessionId) = 0;
  virtual SessionCounts counts() const = 0;
};

}  // namespace ox::services
