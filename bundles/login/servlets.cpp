#include "servlets.h"

#include <algorithm>

#include "answers.h"
#include "base/log.h"
#include "cookie_names.h"
#include "database/password.h"
#include "http/jsessionid.h"

namespace ox::login {
namespace {

using http::Cookie;
using http::Request;
using http::Response;

const std::string kDefaultClient = "default";

std::string textOf(const Request& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value ? *value : std::string();
}

// A secret in a URL ends up in every log on the way.
bool inQuery(const Request& request, std::string_view name) {
  for (std::size_t i = 0; i < request.queryParameters; ++i)
    if (request.parameters[i].first == name) return true;
  return false;
}

Response unknownAction(const Request& request) {
  const std::string* action = request.parameter("action");
  if (!action) return errorAnswer(Error(Code::kSvlMissingParameter, "missing parameter: action"));
  static constexpr std::size_t kShown = 64;
  return errorAnswer(Error(Code::kSvlUnknownAction, "unknown action: " + action->substr(0, kShown)));
}

}  // namespace

Servlets::Servlets(LoginSettings settings, std::string route,
                   std::shared_ptr<services::SessionService> sessions,
                   std::shared_ptr<services::ContextService> contexts)
    : settings_(settings), route_(std::move(route)), sessions_(sessions), contexts_(contexts),
      guard_(std::move(settings), std::move(sessions), std::move(contexts)) {}

Response Servlets::handleLogin(const Request& request) {
  const std::string action = textOf(request, "action");
  if (action == "login") return login(request);
  if (action == "logout") return logout(request);
  return unknownAction(request);
}

Response Servlets::handleSystem(const Request& request) {
  const std::string action = textOf(request, "action");
  if (action == "whoami") return whoami(request);
  if (action == "ping") return jsonAnswer({{"pong", true}, {"node", route_}}, true);
  return unknownAction(request);
}

Cookie Servlets::cookie(const Request& request, std::string name, std::string value,
                        std::int64_t seconds, bool httpOnly) const {
  Cookie out;
  out.name = std::move(name);
  out.value = std::move(value);
  out.maxAgeSeconds = seconds;
  out.httpOnly = httpOnly;
  out.secure = request.secure;
  return out;
}

Response Servlets::refuse(const Error& error, const Request& request) {
  log::info("login refused: " + std::string(error.name()) + ", from " + request.remoteAddress);
  {
    std::lock_guard lock(mutex_);
    ++figures_.refused[std::string(error.name())];
  }
  return errorAnswer(error);
}

Result<services::User> Servlets::authenticate(const std::string& name,
                                              const std::string& password) {
  const auto contextId = contexts_->resolve(name);
  if (!contextId) {
    if (contextId.error().code != Code::kCtxNoMapping) return contextId.error();
    // Whether a context exists is nobody's business: same answer, same time as a wrong password.
    db::spendVerification(password);
    return Error(Code::kLgiInvalid);
  }
  // Before the password is looked at: the schema may be locked by an update.
  if (const auto context = contexts_->usable(*contextId); !context) return context.error();
  return contexts_->authenticate(*contextId, name, password);
}

Response Servlets::login(const Request& request) {
  const std::string name = textOf(request, "name");
  const std::string password = textOf(request, "password");
  std::string client = textOf(request, "client");
  if (inQuery(request, "password"))
    return refuse(Error(Code::kSvlInvalidParameter,
                        "parameter password is not allowed in the URL: send it in the body"),
                  request);
  if (name.empty() || password.empty()) return refuse(Error(Code::kLgiMissing), request);
  const auto tooLong = [&](const char* what, std::size_t limit) {
    return refuse(Error(Code::kSvlInvalidParameter, std::string("parameter ") + what +
                                                        " is longer than " +
                                                        std::to_string(limit) + " bytes"),
                  request);
  };
  if (name.size() > kMaxNameBytes) return tooLong("name", kMaxNameBytes);
  if (password.size() > kMaxPasswordBytes) return tooLong("password", kMaxPasswordBytes);
  if (client.size() > kMaxClientBytes) return tooLong("client", kMaxClientBytes);
  if (client.empty()) client = kDefaultClient;

  auto user = authenticate(name, password);
  if (!user) return refuse(user.error(), request);

  services::Session fresh;
  fresh.loginName = name;
  fresh.password = password;
  fresh.contextId = user->contextId;
  fresh.userId = user->id;
  fresh.login = name;
  fresh.userLogin = user->loginName;
  fresh.localIp = request.remoteAddress;
  fresh.client = client;
  fresh.authId = textOf(request, "authId").substr(0, kMaxClientBytes);
  fresh.hash = sessionHash(request, client, settings_);
  if (const std::string* agent = request.header("user-agent"))
    fresh.userAgent = agent->substr(0, kMaxAgentBytes);
  fresh.origin = "HTTP_JSON";
  fresh.staySignedIn = textOf(request, "staySignedIn") == "true";
  const auto session = sessions_->create(std::move(fresh));
  if (!session) return refuse(session.error(), request);
  const services::Session& s = **session;

  Response response = jsonAnswer({{"session", s.sessionId},
                                  {"user", s.userLogin},
                                  {"user_id", std::int64_t{s.userId}},
                                  {"context_id", std::int64_t{s.contextId}},
                                  {"locale", user->language}},
                                 false);
  const std::int64_t seconds =
      settings_.autologin || s.staySignedIn ? settings_.cookieSeconds : std::int64_t{-1};
  response.cookies.push_back(
      cookie(request, secretCookie(s.hash), s.secret, seconds, settings_.httpOnly));
  response.cookies.push_back(
      cookie(request, sessionCookie(s.hash), s.sessionId, seconds, settings_.httpOnly));
  response.cookies.push_back(cookie(request, publicCookie(agentHash(request, settings_)), s.altId,
                                    seconds, settings_.httpOnly));
  log::info("login: context " + std::to_string(s.contextId) + ", user " +
            std::to_string(s.userId) + ", client " + s.client + ", from " + s.localIp);
  std::lock_guard lock(mutex_);
  ++figures_.logins;
  return response;
}

Response Servlets::logout(const Request& request) {
  const auto guarded = guard_.identify(request);
  if (!guarded) {
    const Code code = guarded.error().code;
    if (code == Code::kSesParameterMissing) return errorAnswer(guarded.error(), 400);
    if (code == Code::kSesExpired) return errorAnswer(guarded.error(), 403);
    return errorAnswer(guarded.error());
  }
  const services::Session& s = *guarded->session;
  if (const Status removed = sessions_->remove(s.sessionId); !removed.ok())
    log::warn("a logged out session stays in the grid until it idles out: " +
              removed.error().toString());
  log::info("logout: context " + std::to_string(s.contextId) + ", user " +
            std::to_string(s.userId));
  Response response;
  response.body = "{}";
  for (const std::string& name :
       {secretCookie(guarded->hash), sessionCookie(guarded->hash),
        publicCookie(agentHash(request, settings_)), std::string(http::kJSessionCookie)})
    response.cookies.push_back(cookie(request, name, "", 0, settings_.httpOnly));
  std::lock_guard lock(mutex_);
  ++figures_.logouts;
  return response;
}

Response Servlets::whoami(const Request& request) {
  const auto guarded = guard_.admit(request);
  if (!guarded) return errorAnswer(guarded.error());
  const services::Session& s = *guarded->session;
  if (guarded->takenOver) {
    std::lock_guard lock(mutex_);
    ++figures_.takenOver;
  }
  return jsonAnswer({{"session", s.sessionId},
                     {"user", s.userLogin},
                     {"user_id", std::int64_t{s.userId}},
                     {"context_id", std::int64_t{s.contextId}},
                     {"node", route_},
                     {"takenOver", guarded->takenOver},
                     {"version", std::string(OX_VERSION)}},
                    true);
}

LoginFigures Servlets::figures() const {
  std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace ox::login
