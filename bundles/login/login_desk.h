// LoginDesk: what all ways in have in common: parameters, limits, credentials, the new session, its
// cookies and the answer.
//
// Threads:   any; logIn() and present() may block on database and grid.
// Errors:    SVL-* parameters; LGI-*, CTX-*, SES-*; RUN-0005 = too many logins (HTTP 429).
// Order:     a session is stored, then whatever let its user in is asked again (stillValid): a password change
//            or a disabling either sees the session and closes it, or is seen here and takes it back.
// Secrets:   passwords come in the body only; neither they nor session ids nor secrets are logged.
// Source:    the original's HTTP API (module login).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "answers.h"
#include "base/clock.h"
#include "http/servlet.h"
#include "rate_limit.h"
#include "services/contexts.h"
#include "services/sessions.h"
#include "services/share_token.h"
#include "settings.h"

namespace ox::login {

inline constexpr std::size_t kMaxNameBytes = 512;
inline constexpr std::size_t kMaxPasswordBytes = 4096;
inline constexpr std::size_t kMaxClientBytes = 256;
inline constexpr std::size_t kMaxAgentBytes = 1024;  // kept of the header
inline constexpr const char* kDefaultClient = "default";

std::string textOf(const http::Request& request, std::string_view name);
bool flagOf(const http::Request& request, std::string_view name);  // "true" or "1"
// SVL-0002 when it is missing or empty, SVL-0010 when it is longer than `most`.
Result<std::string> neededText(const http::Request& request, std::string_view name,
                               std::size_t most);

// A session and the user whom it belongs to.
struct Admitted {
  services::SessionPtr session;
  services::User user;
};

class LoginDesk {
 public:
  LoginDesk(LoginSettings settings, std::shared_ptr<services::SessionService> sessions,
            std::shared_ptr<services::ContextService> contexts, Clock& clock);

  const LoginSettings& settings() const { return settings_; }
  services::SessionService& sessions() { return *sessions_; }
  // What may change while the node runs: the limits and HttpOnly of the cookies.
  void reload(const LoginSettings& settings);

  // When a login like this one may be tried again that was refused with RUN-0005.
  std::int64_t retrySeconds(const http::Request& request);
  // Parameter `password`; never from the URL, and LGI-0001 when it is empty.
  Result<std::string> passwordOf(const http::Request& request) const;
  // By `name` (or `login`) and `password`.
  Result<Admitted> logIn(const http::Request& request);
  // The same by credentials that came otherwise; `fresh` has client and the like.
  Result<Admitted> logInAs(const http::Request& request, const std::string& name,
                           const std::string& password, services::Session fresh);
  // Another session of the same user, such as that of an application; only while `of` has not ended.
  Result<Admitted> another(const http::Request& request, const services::SessionPtr& of,
                           const std::string& client);
  // The guest of a share link; LGI-0006 for whatever is wrong with it.
  Result<services::Guest> guestOf(const http::Request& request, const services::ShareToken& token);
  // By the link alone, or with the guest's password when it is not null.
  Result<Admitted> logInGuest(const http::Request& request, const services::ShareToken& token,
                              const services::Guest& guest, const std::string* password);
  // The session's context may be used now, and this is its user; LGI-0014 when that one is disabled.
  Result<services::User> userOf(const services::Session& session);
  // The session moves to this browser: address, agent, client and hash are its from now on.
  Result<services::SessionPtr> adopt(const http::Request& request, const Admitted& admitted,
                                     const std::string& client);
  // The browser of `request` is the one that `session` was made for: cookies and address would do.
  Result<services::SessionPtr> stay(const http::Request& request, services::SessionPtr session);

  // The hash in the names of the session's cookies for this request.
  std::string hashFor(const http::Request& request, const services::Session& session) const;
  std::vector<http::Cookie> cookies(const http::Request& request,
                                    const services::Session& session) const;
  // Deletes them, and JSESSIONID.
  std::vector<http::Cookie> noCookies(const http::Request& request, const std::string& hash) const;
  std::vector<Field> fields(const Admitted& admitted) const;
  http::Response present(const http::Request& request, const Admitted& admitted) const;
  // The names of a guest's cookies when `client` comes by a link.
  std::string guestHashFor(const http::Request& request, const std::string& client,
                           const services::ShareToken& token) const;
  http::Cookie shareCookieOf(const http::Request& request, const std::string& token) const;
  // What a line of the log says of the session.
  std::string line(const std::string& form, const services::Session& session) const;
  // Where a browser goes on: `uiWebPath` of the request when it is a path of this site, else the
  // configured one; with "#session=..&user=.." and so on.
  std::string uiPath(const http::Request& request) const;

 private:
  using Again = std::function<Status(const services::User&)>;
  Result<services::User> authenticate(const std::string& name, const std::string& password);
  Result<services::User> authenticateOnce(const std::string& name, const std::string& password);
  Status mayTry(const std::string& address, const std::string& name);
  Result<Admitted> create(const http::Request& request, services::Session session,
                          services::User user, const Again& again);
  http::Cookie cookie(const http::Request& request, std::string name, std::string value,
                      std::int64_t seconds) const;

  const LoginSettings settings_;
  const std::shared_ptr<services::SessionService> sessions_;
  const std::shared_ptr<services::ContextService> contexts_;
  std::atomic<bool> httpOnly_;
  RateLimit failures_;
  RateLimit perName_;
};

// "a=1&b=2", values encoded; for fragments and queries.
std::string joined(const std::vector<std::pair<std::string, std::string>>& pairs);
http::Response redirectTo(std::string location);

}  // namespace ox::login
