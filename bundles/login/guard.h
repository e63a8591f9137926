// SessionGuard: the check that every request of a session passes.
//
// Purpose:   `session` parameter and matching secret cookie, then the context is usable.
// Threads:   may block (grid, database): worker threads.
// Errors:    SES-0201 no parameter; SES-0203 unknown session, no or wrong secret, another address
//            (which of them is in the log only); what ContextService::usable() says (CTX-0007, LGI-0015, ...).
// Source:    the original's SessionUtility (reasons of an expired session).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "http/servlet.h"
#include "services/contexts.h"
#include "services/sessions.h"
#include "settings.h"

namespace ox::login {

struct GuardCounters {
  std::atomic<std::uint64_t> noParameter{0}, unknown{0}, noSecret{0}, wrongSecret{0}, context{0},
      unavailable{0}, address{0};
};

struct Guarded {
  services::SessionPtr session;
  std::string hash;       // in the names of the cookies
  bool takenOver = false;
};

class SessionGuard {
 public:
  SessionGuard(LoginSettings settings, std::shared_ptr<services::SessionService> sessions,
               std::shared_ptr<services::ContextService> contexts);

  // Session, secret and address; a session whose address may change gets the new one.
  Result<Guarded> identify(const http::Request& request, bool anyAddress = false);
  // The secret cookie of a session that is known already; the address as above.
  Result<Guarded> verify(const http::Request& request, services::SessionPtr session,
                         bool anyAddress = false);
  // The same, and the context may be used now.
  Result<Guarded> admit(const http::Request& request);

  // admit() when it would not wait and not refuse, else nothing, which says nothing. Any thread.
  std::optional<Guarded> admitAtOnce(const http::Request& request);

  const GuardCounters& counters() const { return counters_; }

 private:
  const LoginSettings settings_;
  const std::shared_ptr<services::SessionService> sessions_;
  const std::shared_ptr<services::ContextService> contexts_;
  GuardCounters counters_;
};

}  // namespace ox::login
