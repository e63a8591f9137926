// The servlets `login` (all ways in and out), `system` (whoami, ping), `token` (acquireToken) and `share`
// (links of guests).
//
// Threads:   worker threads; handle* may block on database and grid, systemAtOnce() does not. Many at
//            once.
// Errors:    answered as JSON in the original's shape (answers.h); 429 with Retry-After for too many
//            logins.
// Secrets:   names and passwords are bounded; neither passwords nor session ids, secrets or tokens are
//            written to the log.
// Source:    the original's HTTP API (modules login, system, token, share).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "guard.h"
#include "http/servlet.h"
#include "login_desk.h"
#include "services/grid.h"
#include "token_store.h"

namespace ox::login {

// The maps of the tokens when com.openexchange.sessiond.useDistributedTokenSessions is true; that of the
// random tokens whenever there are such.
inline constexpr const char* kServerTokenMap = "serverTokenMap";
inline constexpr const char* kAppTokenMap = "appTokenMap";
inline constexpr const char* kRandomTokenMap = "randomTokenMap";
inline constexpr std::int64_t kServerTokenMillis = 60'000;
inline constexpr std::size_t kMaxTokenBytes = 256;

struct LoginFigures {
  std::uint64_t logins = 0;
  std::uint64_t logouts = 0;
  std::uint64_t takenOver = 0;                   // requests that took a session over
  std::uint64_t tokensExpired = 0;               // token logins that nobody redeemed
  std::map<std::string, std::uint64_t> refused;  // logins, by code
};

// A map of the grid by its name.
using TokenMaps = std::function<std::shared_ptr<services::GridMap>(const std::string& name)>;

class Servlets {
 public:
  // `maps` may be null: tokens are valid on this node only then.
  Servlets(LoginSettings settings, std::string route,
           std::shared_ptr<services::SessionService> sessions,
           std::shared_ptr<services::ContextService> contexts,
           const TokenMaps& maps = nullptr, Clock& clock = systemClock());

  http::Response handleLogin(const http::Request& request);
  http::Response handleSystem(const http::Request& request);
  // whoami of a session that this node holds. False: it takes handleSystem(). Never waits; any thread.
  bool systemAtOnce(const http::Request& request, http::Response& response);
  http::Response handleToken(const http::Request& request);
  http::Response handleShare(const http::Request& request);
  void reload(const LoginSettings& settings) { desk_.reload(settings); }

  LoginFigures figures() const;
  const GuardCounters& guardCounters() const { return guard_.counters(); }

 private:
  using Response = http::Response;
  using Request = http::Request;
  // servlets.cpp
  Response login(const Request& request);
  Response autologin(const Request& request);
  Response logout(const Request& request);
  Response refreshSecret(const Request& request);
  Response changeIp(const Request& request);
  Response whoami(const Request& request);
  Response introduce(const Guarded& guarded) const;
  Result<services::SessionPtr> byCookies(const Request& request);
  // A new session: its data and cookies, and its random token when there are such.
  Response welcome(const Request& request, const Admitted& admitted, std::vector<Field> more = {});
  // handover.cpp: a session that begins in one place and goes on in another
  Response formLogin(const Request& request);
  Response byRandomToken(const Request& request, bool asRedirect);
  Response enter(const Request& request, const Admitted& admitted);
  Response httpAuth(const Request& request);
  std::optional<Admitted> known(const Request& request, const std::string& hash);
  Response tokenLogin(const Request& request);
  Response tokens(const Request& request);
  Response redeemToken(const Request& request);
  Response acquireToken(const Request& request);
  void endAbandoned();
  // guests.cpp
  Response guestLogin(const Request& request, bool named);

  Response refuse(const Error& error, const Request& request, int status = 0);
  // The same for a browser that follows answers by itself: it is sent on when there is somewhere to go.
  Response refuseBrowser(const Error& error, const Request& request, int status = 0);
  Response refuseNamed(const NamedError& error, const Request& request);
  void countLogin();

  const std::string route_;
  LoginDesk desk_;
  SessionGuard guard_;
  TokenStore serverTokens_;  // -> "<session id> <client token>"
  TokenStore appTokens_;     // -> session id
  const bool randomTokensOn_;
  TokenStore randomTokens_;  // -> session id
  mutable std::mutex mutex_;
  LoginFigures figures_;
};

}  // namespace ox::login
