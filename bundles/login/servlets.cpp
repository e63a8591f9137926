#include "servlets.h"

#include "answers.h"
#include "base/log.h"
#include "cookie_names.h"
#include "http/address.h"

namespace ox::login {
namespace {

using http::Request;
using http::Response;
using services::SessionPtr;

Response unknownAction(const Request& request) {
  const std::string* action = request.parameter("action");
  if (!action) return errorAnswer(Error(Code::kSvlMissingParameter, "missing parameter: action"));
  static constexpr std::size_t kShown = 64;
  return errorAnswer(Error(Code::kSvlUnknownAction, "unknown action: " + action->substr(0, kShown)));
}

std::shared_ptr<services::GridMap> mapOf(const TokenMaps& maps, bool wanted, const char* name) {
  return maps && wanted ? maps(name) : nullptr;
}

// The only thing that a new session may be refused for as it was asked for (services/sessions.h).
constexpr NamedError kDuplicateAuthId{"SES-0008", "another session has this authentication id"};

// The deprecated form: does nothing, and says so.
Response store() {
  Response response;
  response.body = "{}";
  response.headers.emplace_back("Deprecation", "version=\"v7.10.3\"");
  return response;
}

}  // namespace

Servlets::Servlets(LoginSettings settings, std::string route,
                   std::shared_ptr<services::SessionService> sessions,
                   std::shared_ptr<services::ContextService> contexts,
                   const TokenMaps& maps, Clock& clock)
    : route_(std::move(route)), desk_(settings, sessions, contexts, clock),
      guard_(settings, std::move(sessions), std::move(contexts)),
      serverTokens_(mapOf(maps, settings.distributedTokens, kServerTokenMap), kServerTokenMillis, clock),
      appTokens_(mapOf(maps, settings.distributedTokens, kAppTokenMap), settings.appTokenMillis, clock),
      randomTokensOn_(settings.randomToken && settings.randomTokenMillis > 0),
      randomTokens_(mapOf(maps, randomTokensOn_, kRandomTokenMap), settings.randomTokenMillis, clock,
                    [] { return secureHex(kTokenBytes); }, TokenStore::Abandoned::kForgotten) {}

Response Servlets::handleLogin(const Request& request) {
  using Method = Response (Servlets::*)(const Request&);
  static const std::map<std::string, Method> kActions = {
      {"login", &Servlets::login},           {"autologin", &Servlets::autologin},
      {"logout", &Servlets::logout},         {"refreshSecret", &Servlets::refreshSecret},
      {"changeip", &Servlets::changeIp},     {"formlogin", &Servlets::formLogin},
      {"tokenLogin", &Servlets::tokenLogin}, {"tokens", &Servlets::tokens},
      {"redeemToken", &Servlets::redeemToken}};
  endAbandoned();
  if (request.path.ends_with("/login/httpAuth")) return httpAuth(request);
  const std::string action = textOf(request, "action");
  if (const auto found = kActions.find(action); found != kActions.end())
    return (this->*found->second)(request);
  if (action == "redirect") return byRandomToken(request, true);
  if (action == "redeem") return byRandomToken(request, false);
  if (action == "anonymous") return guestLogin(request, false);
  if (action == "guest") return guestLogin(request, true);
  if (action == "store") return store();
  return unknownAction(request);
}

Response Servlets::handleSystem(const Request& request) {
  const std::string action = textOf(request, "action");
  if (action == "whoami") return whoami(request);
  if (action == "ping") return jsonAnswer({{"pong", true}, {"node", route_}}, true);
  return unknownAction(request);
}

bool Servlets::systemAtOnce(const Request& request, Response& response) {
  const std::string* action = request.parameter("action");
  if (!action || *action != "whoami") return false;
  const auto guarded = guard_.admitAtOnce(request);
  if (!guarded) return false;
  response = introduce(*guarded);
  return true;
}

Response Servlets::handleToken(const Request& request) {
  return textOf(request, "action") == "acquireToken" ? acquireToken(request)
                                                     : unknownAction(request);
}

Response Servlets::refuse(const Error& error, const Request& request, int status) {
  if (error.code == Code::kInvalid) return refuseNamed(kDuplicateAuthId, request);
  log::info("login refused: " + std::string(error.name()) + ", from " + request.remoteAddress);
  {
    std::lock_guard lock(mutex_);
    ++figures_.refused[std::string(error.name())];
  }
  const std::string& url = desk_.settings().migrationUrl;
  if (error.code == Code::kCtxOtherServer && !url.empty()) return elsewhereAnswer(url);
  if (error.code != Code::kBusy) return errorAnswer(error, status);
  Response response = errorAnswer(error, 429);
  response.headers.emplace_back("Retry-After", std::to_string(desk_.retrySeconds(request)));
  return response;
}

Response Servlets::refuseBrowser(const Error& error, const Request& request, int status) {
  Response answer = refuse(error, request, status);
  const std::string& url = desk_.settings().migrationUrl;
  return error.code == Code::kCtxOtherServer && !url.empty() ? redirectTo(url) : std::move(answer);
}

void Servlets::countLogin() {
  std::lock_guard lock(mutex_);
  ++figures_.logins;
}

Response Servlets::login(const Request& request) {
  const auto admitted = desk_.logIn(request);
  if (!admitted) return refuse(admitted.error(), request);
  return welcome(request, *admitted);
}

Response Servlets::welcome(const Request& request, const Admitted& admitted, std::vector<Field> more) {
  countLogin();
  auto fields = desk_.fields(admitted);
  if (randomTokensOn_) {
    const auto token = randomTokens_.add(admitted.session->sessionId);
    if (token) fields.emplace_back("random", *token);
    else log::warn("a login gets no random token: " + token.error().toString());
  }
  for (Field& field : more) fields.push_back(std::move(field));
  Response response = jsonAnswer(fields, false);
  response.cookies = desk_.cookies(request, *admitted.session);
  return response;
}

// By session cookie, else by the public one; both are named by what the browser says of itself. A guest
// who came by a link comes first, as long as the browser has the cookie of the link.
Result<SessionPtr> Servlets::byCookies(const Request& request) {
  const std::string given = textOf(request, "client");
  const std::string client = given.empty() ? kDefaultClient : given;
  const LoginSettings& settings = desk_.settings();
  if (const std::string* link = request.cookie(shareCookie(agentHash(request, settings))))
    if (const auto token = services::parseShareToken(*link)) {
      const std::string hash =
          desk_.guestHashFor(request, given.empty() ? settings.shareClient : given, *token);
      if (const std::string* id = request.cookie(sessionCookie(hash))) {
        auto found = desk_.sessions().find(*id);
        if (found || found.error().code != Code::kSesExpired) return found;
      }
    }
  if (const std::string* id = request.cookie(sessionCookie(sessionHash(request, client, settings))))
    return desk_.sessions().find(*id);
  if (const std::string* id = request.cookie(publicCookie(agentHash(request, settings))))
    return desk_.sessions().findByAltId(*id);
  return Error(Code::kSesExpired);
}

Response Servlets::autologin(const Request& request) {
  auto found = byCookies(request);
  if (!found) return refuse(found.error(), request);
  auto guarded = guard_.verify(request, std::move(*found));
  if (guarded && !guarded->session->staySignedIn && !desk_.settings().autologin)
    guarded = Error(Code::kSesExpired);
  if (!guarded) return refuse(guarded.error(), request);
  auto user = desk_.userOf(*guarded->session);
  if (!user) return refuse(user.error(), request);
  countLogin();
  return desk_.present(request, {guarded->session, std::move(*user)});
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
  if (const Status removed = desk_.sessions().remove(s.sessionId); !removed.ok())
    log::warn("a logged out session stays in the grid until it idles out: " +
              removed.error().toString());
  log::info("logout: " + desk_.line(desk_.settings().logoutLine, s));
  Response response;
  response.body = "{}";
  response.cookies = desk_.noCookies(request, guarded->hash);
  std::lock_guard lock(mutex_);
  ++figures_.logouts;
  return response;
}

// The cookies get their whole life again. The secret stays: requests that run side by side carry it.
Response Servlets::refreshSecret(const Request& request) {
  const auto guarded = guard_.admit(request);
  if (!guarded) return errorAnswer(guarded.error());
  Response response;
  response.body = "{}";
  response.cookies = desk_.cookies(request, *guarded->session);
  return response;
}

Response Servlets::changeIp(const Request& request) {
  const auto address = neededText(request, "clientIP", http::kMaxAddressText);
  if (!address) return errorAnswer(address.error());
  if (!http::parseAddress(*address))
    return errorAnswer(Error(Code::kSvlInvalidParameter, "parameter clientIP is no IP address"));
  const auto guarded = guard_.identify(request, true);
  if (!guarded) return errorAnswer(guarded.error());
  const auto changed = desk_.sessions().update(
      guarded->session->sessionId, [&](services::Session& s) { s.localIp = *address; });
  if (!changed) return errorAnswer(changed.error());
  Response response;
  response.body = "{\"data\":\"1\"}";
  return response;
}

Response Servlets::whoami(const Request& request) {
  const auto guarded = guard_.admit(request);
  if (!guarded) return errorAnswer(guarded.error());
  if (guarded->takenOver) {
    std::lock_guard lock(mutex_);
    ++figures_.takenOver;
  }
  return introduce(*guarded);
}

Response Servlets::introduce(const Guarded& guarded) const {
  const services::Session& s = *guarded.session;
  return AnswerText(true)
      .put("session", s.sessionId)
      .put("user", s.userLogin)
      .put("user_id", std::int64_t{s.userId})
      .put("context_id", std::int64_t{s.contextId})
      .put("node", route_)
      .put("takenOver", guarded.takenOver)
      .put("version", OX_VERSION)
      .response();
}

LoginFigures Servlets::figures() const {
  std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace ox::login
