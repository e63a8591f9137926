// The servlets `login` (login, logout) and `system` (whoami, ping).
//
// Threads:   worker threads; handle* may block on database and grid. Many at once.
// Errors:    answered as JSON in the original's shape (answers.h).
// Secrets:   names and passwords are bounded; neither passwords nor session ids nor secrets are
//            written to the log.
// Source:    the original's HTTP API (module login, module system).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "guard.h"
#include "http/servlet.h"

namespace ox::login {

inline constexpr std::size_t kMaxNameBytes = 512;
inline constexpr std::size_t kMaxPasswordBytes = 4096;
inline constexpr std::size_t kMaxClientBytes = 256;
inline constexpr std::size_t kMaxAgentBytes = 1024;  // kept of the header

struct LoginFigures {
  std::uint64_t logins = 0;
  std::uint64_t logouts = 0;
  std::uint64_t takenOver = 0;                   // requests that took a session over
  std::map<std::string, std::uint64_t> refused;  // logins, by code
};

class Servlets {
 public:
  Servlets(LoginSettings settings, std::string route,
           std::shared_ptr<services::SessionService> sessions,
           std::shared_ptr<services::ContextService> contexts);

  http::Response handleLogin(const http::Request& request);
  http::Response handleSystem(const http::Request& request);

  LoginFigures figures() const;
  const GuardCounters& guardCounters() const { return guard_.counters(); }

 private:
  http::Response login(const http::Request& request);
  http::Response logout(const http::Request& request);
  http::Response whoami(const http::Request& request);
  Result<services::User> authenticate(const std::string& name, const std::string& password);
  http::Response refuse(const Error& error, const http::Request& request);
  http::Cookie cookie(const http::Request& request, std::string name, std::string value,
                      std::int64_t seconds, bool httpOnly) const;

  const LoginSettings settings_;
  const std::string route_;
  const std::shared_ptr<services::SessionService> sessions_;
  const std::shared_ptr<services::ContextService> contexts_;
  SessionGuard guard_;
  mutable std::mutex mutex_;
  LoginFigures figures_;
};

}  // namespace ox::login
