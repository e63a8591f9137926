// Sessions that begin in one place and go on in another: a form, HTTP Basic, a one-time token, another
// machine, another application.
#include <openssl/crypto.h>

#include "address_check.h"
#include "base/log.h"
#include "cookie_names.h"
#include "outside_text.h"
#include "servlets.h"

namespace ox::login {
namespace {

using http::Request;
using http::Response;
using services::SessionPtr;

// The original's codes for tokens: answers to a client only, never errors inside the node.
constexpr NamedError kNoServerToken{"SES-0210", "no session for this server token"};
constexpr NamedError kNoClientToken{"SES-0211", "no session for this client token"};

bool same(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string fragment(const Admitted& admitted) {
  const services::Session& s = *admitted.session;
  return joined({{"session", s.sessionId},
                 {"user", s.userLogin},
                 {"user_id", std::to_string(s.userId)},
                 {"context_id", std::to_string(s.contextId)},
                 {"language", admitted.user.language},
                 {"store", s.staySignedIn ? "true" : "false"}});
}

}  // namespace

// The form of a page of another site: its browser comes back into the user interface.
Response Servlets::formLogin(const Request& request) {
  const auto admitted = desk_.logIn(request);
  if (!admitted) return refuseBrowser(admitted.error(), request);
  countLogin();
  return enter(request, *admitted);
}

// Into the user interface, with the session in the fragment and its cookies.
Response Servlets::enter(const Request& request, const Admitted& admitted) {
  Response response = redirectTo(desk_.uiPath(request) + "#" + fragment(admitted));
  response.cookies = desk_.cookies(request, *admitted.session);
  return response;
}

// What the browser's cookies of that name lead to, when it may be used now.
std::optional<Admitted> Servlets::known(const Request& request, const std::string& hash) {
  const std::string* id = request.cookie(sessionCookie(hash));
  if (!id) return std::nullopt;
  auto found = desk_.sessions().find(*id);
  if (!found || (*found)->hash != hash) return std::nullopt;
  auto guarded = guard_.verify(request, std::move(*found));
  if (!guarded) return std::nullopt;
  auto user = desk_.userOf(*guarded->session);
  if (!user) return std::nullopt;
  return Admitted{guarded->session, std::move(*user)};
}

// login/httpAuth: the browser asks for name and password itself.
Response Servlets::httpAuth(const Request& request) {
  const LoginSettings& settings = desk_.settings();
  const std::string given = textOf(request, "client");
  const std::string client =
      given.empty() || given.size() > kMaxClientBytes ? settings.httpAuthClient : given;
  if (settings.httpAuthAutologin)
    if (const auto admitted = known(request, sessionHash(request, client, settings))) {
      countLogin();
      return enter(request, *admitted);
    }
  const auto challenge = [](Response response) {
    response.status = 401;
    response.headers.emplace_back("WWW-Authenticate",
                                  "Basic realm=\"Open-Xchange\", charset=\"UTF-8\"");
    return response;
  };
  const std::string* header = request.header("authorization");
  const auto credentials = header ? basicCredentials(*header) : std::nullopt;
  if (!credentials) return challenge(errorAnswer(Error(Code::kLgiMissing)));
  services::Session fresh;
  fresh.client = client;
  fresh.staySignedIn = settings.httpAuthAutologin;
  const auto admitted =
      desk_.logInAs(request, credentials->first, credentials->second, std::move(fresh));
  if (!admitted) {
    const Code code = admitted.error().code;
    Response response = refuseBrowser(admitted.error(), request);
    return code == Code::kLgiInvalid || code == Code::kLgiMissing ? challenge(std::move(response))
                                                                  : std::move(response);
  }
  countLogin();
  return enter(request, *admitted);
}

Response Servlets::byRandomToken(const Request& request, bool asRedirect) {
  const auto token = neededText(request, "random", kMaxTokenBytes);
  if (!randomTokensOn_ || !token) {
    log::warn("a random token was refused: " +
              std::string(token ? "com.openexchange.ajax.login.randomToken is false" : "none given"));
    return refuse(token ? Error(Code::kSvlInvalidParameter, "random tokens are switched off")
                        : token.error(),
                  request, 400);
  }
  const auto refused = [&](const Error& error) {
    if (error.retryable && error.code != Code::kSesExpired) return refuse(error, request);
    return asRedirect ? refuseBrowser(error, request, 403) : refuse(error, request, 403);
  };
  const auto id = randomTokens_.take(*token);
  if (!id) return refused(id.error());
  if (!*id) return refused(Error(Code::kSesExpired));
  auto found = desk_.sessions().find(**id);
  if (!found) return refused(found.error());
  auto user = desk_.userOf(**found);
  if (!user) return refused(user.error());
  const LoginSettings& settings = desk_.settings();
  if (settings.insecure && !settings.changeIpAllowed &&
      checkAddress(settings, **found, request.remoteAddress) == AddressVerdict::kRefused)
    return refused(Error(Code::kSesExpired));
  Admitted admitted{std::move(*found), std::move(*user)};
  auto its = settings.insecure
                 ? desk_.adopt(request, admitted, textOf(request, "client").substr(0, kMaxClientBytes))
                 : desk_.stay(request, admitted.session);
  if (!its) {
    if (its.error().code == Code::kSesExpired)
      log::info("a random token is of no use to this browser: the session was made for another one "
                "(com.openexchange.ajax.login.insecure)");
    return refused(its.error());
  }
  countLogin();
  admitted.session = std::move(*its);
  return asRedirect ? enter(request, admitted) : desk_.present(request, admitted);
}

Response Servlets::refuseNamed(const NamedError& error, const Request& request) {
  log::info(std::string("login refused: ") + error.code + ", from " + request.remoteAddress);
  std::lock_guard lock(mutex_);
  ++figures_.refused[error.code];
  return errorAnswer(error);
}

// First half, by the machine that knows the password: the session exists, but nobody has its secret.
Response Servlets::tokenLogin(const Request& request) {
  const auto clientToken = neededText(request, "clientToken", kMaxTokenBytes);
  if (!clientToken) return refuse(clientToken.error(), request);
  const auto admitted = desk_.logIn(request);
  if (!admitted) return refuse(admitted.error(), request);
  const services::Session& s = *admitted->session;
  const auto serverToken = serverTokens_.add(s.sessionId + " " + *clientToken);
  if (!serverToken) {
    static_cast<void>(desk_.sessions().remove(s.sessionId));
    return refuse(serverToken.error(), request);
  }
  countLogin();
  // The browser that follows has no cookie of ours: the path carries the route.
  const std::string path = desk_.uiPath(request) + ";jsessionid=" + request.httpSessionId;
  const std::vector<std::pair<std::string, std::string>> parts = {
      {"jsessionid", request.httpSessionId}, {"serverToken", *serverToken},
      {"user", s.userLogin},                 {"user_id", std::to_string(s.userId)},
      {"language", admitted->user.language}, {"locale", admitted->user.language}};
  if (!flagOf(request, "jsonResponse")) {
    auto shown = parts;
    shown.erase(shown.begin() + 2);  // the login name is nothing for an address bar
    return redirectTo(path + "#" + joined(shown));
  }
  return jsonAnswer({{"serverToken", *serverToken},
                     {"jsessionid", request.httpSessionId},
                     {"user", s.userLogin},
                     {"user_id", std::int64_t{s.userId}},
                     {"url", path}},
                    false);
}

// Second half, by the browser: whoever has both tokens gets the session.
Response Servlets::tokens(const Request& request) {
  const auto clientToken = neededText(request, "clientToken", kMaxTokenBytes);
  if (!clientToken) return refuse(clientToken.error(), request);
  const auto serverToken = neededText(request, "serverToken", kMaxTokenBytes);
  if (!serverToken) return refuse(serverToken.error(), request);
  const auto value = serverTokens_.take(*serverToken);
  if (!value) return refuse(value.error(), request);
  if (!*value) return refuseNamed(kNoServerToken, request);
  const std::size_t space = (*value)->find(' ');
  const std::string id = (*value)->substr(0, space);
  if (space == std::string::npos || !same((*value)->substr(space + 1), *clientToken)) {
    static_cast<void>(desk_.sessions().remove(id));  // the token is used up, the session is nobody's
    return refuseNamed(kNoClientToken, request);
  }
  auto found = desk_.sessions().find(id);
  if (!found) return refuse(found.error(), request);
  auto user = desk_.userOf(**found);
  if (!user) return refuse(user.error(), request);
  Admitted admitted{std::move(*found), std::move(*user)};
  auto adopted = desk_.adopt(request, admitted, textOf(request, "client").substr(0, kMaxClientBytes));
  if (!adopted) return refuse(adopted.error(), request);
  admitted.session = std::move(*adopted);
  return desk_.present(request, admitted);
}

// A session hands a token to an application of its user ...
Response Servlets::acquireToken(const Request& request) {
  if (!desk_.settings().appTokens)
    return errorAnswer(Error(Code::kSvlUnknownAction, "application tokens are switched off"));
  const auto guarded = guard_.admit(request);
  if (!guarded) return errorAnswer(guarded.error());
  const auto token = appTokens_.add(guarded->session->sessionId);
  if (!token) return errorAnswer(token.error());
  return jsonAnswer({{"token", *token}}, true);
}

// ... which gets a session of its own for it and the secret that it shares with this cluster.
Response Servlets::redeemToken(const Request& request) {
  const auto token = neededText(request, "token", kMaxTokenBytes);
  if (!token) return refuse(token.error(), request);
  const auto client = neededText(request, "client", kMaxClientBytes);
  if (!client) return refuse(client.error(), request);
  const auto secret = neededText(request, "secret", kMaxTokenBytes);
  if (!secret) return refuse(secret.error(), request);
  const auto& known = desk_.settings().appSecrets;
  const auto app = known.find(*secret);
  if (!desk_.settings().appTokens || app == known.end())
    return refuse(Error(Code::kSvlInvalidParameter, "parameter secret names no application"),
                  request, 403);
  const auto id = appTokens_.take(*token);
  if (!id) return refuse(id.error(), request);
  if (!*id) return refuseNamed(kNoServerToken, request);
  const auto of = desk_.sessions().find(**id);
  if (!of) return refuse(of.error(), request);
  const auto admitted = desk_.another(request, *of, *client);
  if (!admitted) return refuse(admitted.error(), request);
  std::vector<Field> more;
  if (app->second) more.emplace_back("password", (*of)->password);
  return welcome(request, *admitted, std::move(more));
}

// Token logins whose second half never came: their sessions end here.
void Servlets::endAbandoned() {
  for (const std::string& value : serverTokens_.expired()) {
    desk_.sessions().abandon(value.substr(0, value.find(' ')));
    std::lock_guard lock(mutex_);
    ++figures_.tokensExpired;
  }
  appTokens_.expired();
  randomTokens_.expired();
}

}  // namespace ox::login
