// Contexts (tenants) and users. Offered by bundles/database as "contexts".
//
// Purpose:   log-in look-ups and the gate "is this context usable now" that every request passes.
// Threads:   blocking-pool threads; usable() answers from a cache when it can. usableAtOnce() any.
// Caching:   by region Context of the cache events: invalidated on every node by events; a cached
//            "updating" is always asked again, so that a missed event heals itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"

namespace ox::services {

struct Context {
  std::int32_t id = 0;
  std::string name;
  bool enabled = true;
  std::int32_t writePoolId = 0;
  std::string schema;
};

struct User {
  std::int32_t contextId = 0;
  std::int32_t id = 0;
  std::string loginName;  // as stored in login2user
  std::string mail;
  std::string language;   // en_US
  std::string timeZone;
  std::int32_t contactId = 0;
  bool mailEnabled = true;
  std::int32_t guestCreatedBy = 0;  // user who invited this guest; 0 = no guest
  std::string passwordMark;         // of authenticate() only: a digest of what the password was compared with

  bool guest() const { return guestCreatedBy > 0; }
  // Nobody in particular: whoever has the share link.
  bool anonymousGuest() const { return guest() && mail.empty(); }
};

struct Guest {
  User user;
  bool hasPassword = false;
};

class ContextService {
 public:
  virtual ~ContextService() = default;
  // "user@info" or "user" -> context id by login2context (default info: "defaultcontext"). CTX-0010.
  virtual Result<std::int32_t> resolve(const std::string& loginInfo) = 0;
  // The context, if requests may use it now: CTX-0002 unknown, LGI-0015 disabled, CTX-0007 while
  // a blocking update holds its schema, CTX-0005/0006 when the database does not answer.
  virtual Result<std::shared_ptr<const Context>> usable(std::int32_t contextId) = 0;
  // True: usable() would answer the context without asking anybody. Never waits.
  virtual bool usableAtOnce(std::int32_t) { return false; }
  // Name and password of a user; LGI-0006 for both wrong name and wrong password (same timing);
  // stores a fresh hash when the mechanism found is an older one.
  virtual Result<User> authenticate(std::int32_t contextId, const std::string& login,
                                    const std::string& password) = 0;
  // Asked after the session of an authenticated user was stored: LGI-0006 when the password was changed
  // or user or context removed meanwhile, LGI-0014 and LGI-0015 when they were disabled. A change is
  // committed before sessions are ended, so either that finds the session or this finds the change. Asks
  // the masters, whatever a cache or a replica said before; Ok when a master does not answer.
  virtual Status stillValid(const User&, const std::string&) { return {}; }
  virtual Result<User> user(std::int32_t contextId, std::int32_t userId) = 0;
  // The guest with this context, id and base token (32 hex digits of a share link); asks the master.
  // LGI-0006 when there is none, LGI-0014 when it is disabled.
  virtual Result<Guest> guest(std::int32_t, std::int32_t, const std::string&) {
    return Error(Code::kLgiInvalid);
  }
};

}  // namespace ox::services
