#include "close_sessions.h"

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/log.h"
#include "session_core.h"

namespace ox::sessiond {
namespace {

using http::Request;
using http::Response;
using services::CloseRequest;
using Json = nlohmann::json;

constexpr std::size_t kMaxHeaderBytes = 1024;

Response answer(int status, Json body) {
  Response out;
  out.status = status;
  out.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}
Response refused(int status, const std::string& text) { return answer(status, {{"error", text}}); }

std::string encode64(const std::string& raw) {
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(raw.data()),
                                static_cast<int>(raw.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

bool number(const Json& json, std::int32_t& out) {
  if (!json.is_number_integer()) return false;
  const auto n = json.get<std::int64_t>();
  if (n < 1 || n > INT32_MAX) return false;
  out = static_cast<std::int32_t>(n);
  return true;
}

Error invalid(std::string text) { return Error(Code::kInvalid, std::move(text)); }

}  // namespace

bool basicAuthorized(const std::string& header, const std::string& login,
                     const std::string& password) {
  if (login.empty() || password.empty() || header.size() > kMaxHeaderBytes) return false;
  const std::string wanted = "Basic " + encode64(login + ":" + password);
  return header.size() == wanted.size() &&
         CRYPTO_memcmp(header.data(), wanted.data(), wanted.size()) == 0;
}

Result<CloseRequest> closeRequest(const Json& json, const std::string& only) {
  if (!json.is_object()) return invalid("the body is no JSON object");
  CloseRequest out;
  std::string found;
  for (const char* kind : {"sessionIds", "contextIds", "users"}) {
    if (!json.contains(kind)) continue;
    if (!found.empty() || (!only.empty() && only != kind))
      return invalid(std::string(kind) + " is not allowed here; allowed: " +
                     (only.empty() ? "one of sessionIds, contextIds, users" : only));
    found = kind;
    const Json& list = json[kind];
    if (!list.is_array() || list.empty() || list.size() > kMaxClosed)
      return invalid(std::string(kind) + " is no list of 1.." + std::to_string(kMaxClosed) +
                     " entries");
    for (const Json& one : list) {
      std::int32_t id = 0;
      CloseRequest::User user;
      if (found == "sessionIds") {
        if (!one.is_string() || !validSessionId(one.get<std::string>()))
          return invalid("sessionIds holds something else than ids of 32 hexadecimal digits");
        out.sessionIds.push_back(one.get<std::string>());
      } else if (found == "contextIds") {
        if (!number(one, id)) return invalid("contextIds holds something else than whole numbers");
        out.contextIds.push_back(id);
      } else {
        if (!one.is_object() || !number(one.value("contextId", Json()), user.contextId) ||
            !number(one.value("userId", Json()), user.userId))
          return invalid("users holds something else than {\"contextId\":N,\"userId\":N}");
        out.users.push_back(user);
      }
    }
  }
  if (found.empty())
    return invalid((only.empty() ? std::string("sessionIds, contextIds or users") : only) +
                   " is missing");
  return out;
}

CloseSessions::CloseSessions(std::string login, std::string password,
                             std::shared_ptr<services::SessionService> sessions)
    : login_(std::move(login)), password_(std::move(password)), sessions_(std::move(sessions)) {}

Response CloseSessions::handle(const Request& request) const {
  if (login_.empty() || password_.empty())
    return refused(403, "not configured: com.openexchange.rest.services.basic-auth.login and "
                        ".password");
  const std::string* credentials = request.header("authorization");
  if (!credentials || !basicAuthorized(*credentials, login_, password_)) {
    Response out = refused(401, "wrong or no credentials");
    out.headers.emplace_back("WWW-Authenticate", "Basic realm=\"open-xchange\"");
    return out;
  }
  if (request.method != "POST") return refused(405, "only POST is allowed");
  const std::string kind = request.path.substr(std::min(request.path.size(),
                                                        std::string(kCloseServlet).size()));
  const std::string only = kind == "/by-id"        ? "sessionIds"
                           : kind == "/by-context" ? "contextIds"
                           : kind == "/by-user"    ? "users"
                                                   : "";
  if (only.empty()) return refused(404, "allowed: by-id, by-context, by-user");
  if (request.body.empty() || request.body.size() > kMaxCloseBytes)
    return refused(400, "the body is empty or longer than " + std::to_string(kMaxCloseBytes) +
                            " bytes");
  auto close = closeRequest(Json::parse(request.body, nullptr, false), only);
  if (!close) return refused(400, close.error().message);
  if (const std::string* global = request.parameter("global")) {
    if (*global != "true" && *global != "false")
      return refused(400, "global is neither true nor false");
    close->global = *global == "true";
  }
  const auto closed = sessions_->close(*close);
  if (!closed) {
    log::warn("sessions could not be closed: " + closed.error().toString());
    return refused(500, std::string(closed.error().name()) +
                            ": some sessions could not be closed, they are tried again");
  }
  log::info("sessions closed by an administrator: " + std::to_string(*closed));
  return answer(200, {{"closed", *closed}});
}

Result<Json> CloseSessions::operation(const Json& arguments) const {
  if (!arguments.is_object()) return invalid("the arguments are no JSON object");
  Json lists = arguments;
  lists.erase("global");
  auto close = closeRequest(lists, {});
  if (!close) return close.error();
  close->global = arguments.value("global", true);
  const auto closed = sessions_->close(*close);
  if (!closed) return closed.error();
  log::info("sessions closed by an administrator: " + std::to_string(*closed));
  return Json{{"closed", *closed}};
}

}  // namespace ox::sessiond
