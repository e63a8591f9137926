// The servlet `session`: named attributes of a session, read and written by applications (ours).
//
// Purpose:   action=get: one attribute (`name`) or all; action=set: `name` with `value`, or
//            `remove=true`; `version` writes only over that version (0 = only when it is not there).
// Threads:   worker threads; may block on the grid. Many at once, on any nodes.
// Errors:    as every request of a session (guard.h); SVL-0003 for names and values out of bounds, and
//            for values that are no UTF-8; 503 when the grid does not answer.
// Secrets:   values are never logged. Page: docs/operating/sessions.md.
#pragma once

#include <atomic>
#include <memory>

#include "guard.h"
#include "services/session_attributes.h"

namespace ox::login {

struct AttributeCounters {
  std::atomic<std::uint64_t> reads{0}, writes{0}, refused{0};
};

class SessionServlet {
 public:
  SessionServlet(LoginSettings settings, std::shared_ptr<services::SessionService> sessions,
                 std::shared_ptr<services::SessionAttributes> attributes,
                 std::shared_ptr<services::ContextService> contexts);

  http::Response handle(const http::Request& request);
  const AttributeCounters& counters() const { return counters_; }

 private:
  http::Response read(const http::Request& request, const std::string& id);
  http::Response write(const http::Request& request, const std::string& id);
  http::Response refuse(const Error& error);

  const std::shared_ptr<services::SessionAttributes> attributes_;
  SessionGuard guard_;
  AttributeCounters counters_;
};

}  // namespace ox::login
