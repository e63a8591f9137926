// Closing of sessions by administrators: REST /admin/v1/close-sessions/{by-id,by-context,by-user} and the
// operation SessiondService/close of the tool closesessions.
//
// Bodies:    {"sessionIds":[...]}, {"contextIds":[...]}, {"users":[{"contextId":N,"userId":N}, ...]}; the
//            query parameter global=false closes only what this node holds.
// Answers:   200 {"closed":N}; 400 empty or malformed; 401 wrong or no credentials; 403 not configured;
//            405 not POST; 500 some could not be closed (they are tried again by this node).
// Bounds:    kMaxCloseBytes of body, kMaxClosed entries.
// Threads:   worker threads; may block on the grid.
// Source:    the original's SessiondRESTService (7.10.2).
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "http/servlet.h"
#include "services/sessions.h"

namespace ox::sessiond {

inline constexpr const char* kCloseServlet = "/admin/v1/close-sessions";
inline constexpr std::size_t kMaxCloseBytes = 1u << 20;
inline constexpr std::size_t kMaxClosed = 10'000;

// Which of the three kinds may be in `json`; empty = any, but exactly one. RUN-0004 with what is allowed.
Result<services::CloseRequest> closeRequest(const nlohmann::json& json, const std::string& only);

class CloseSessions {
 public:
  CloseSessions(std::string login, std::string password,
                std::shared_ptr<services::SessionService> sessions);
  http::Response handle(const http::Request& request) const;
  // The tool's: already authorized by the management interface.
  Result<nlohmann::json> operation(const nlohmann::json& arguments) const;

 private:
  const std::string login_, password_;
  const std::shared_ptr<services::SessionService> sessions_;
};

// "Basic <base64>" names exactly this user; takes the same time for every wrong password of one length.
bool basicAuthorized(const std::string& header, const std::string& login,
                     const std::string& password);

}  // namespace ox::sessiond
