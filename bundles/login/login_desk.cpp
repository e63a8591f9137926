#include "login_desk.h"

#include <algorithm>

#include "base/log.h"
#include "cookie_names.h"
#include "database/password.h"
#include "http/jsessionid.h"
#include "http/url.h"

namespace ox::login {
namespace {

using http::Cookie;
using http::Request;
using http::Response;
using services::Session;
using services::SessionPtr;
using services::User;

constexpr std::size_t kMaxPathBytes = 1024;

// A secret in a URL ends up in every log on the way.
bool inQuery(const Request& request, std::string_view name) {
  for (std::size_t i = 0; i < request.queryParameters; ++i)
    if (request.parameters[i].first == name) return true;
  return false;
}

Error tooLong(std::string_view name, std::size_t most) {
  return Error(Code::kSvlInvalidParameter, "parameter " + std::string(name) + " is longer than " +
                                               std::to_string(most) + " bytes");
}

// A path of this site and nothing that a browser could take for another one.
bool localPath(const std::string& path) {
  if (path.empty() || path.size() > kMaxPathBytes || path[0] != '/' || path.starts_with("//"))
    return false;
  return std::all_of(path.begin(), path.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u < 0x7f && c != '\\' && c != '#' && c != ';' && c != '"' && c != '<';
  });
}

Error wait(std::int64_t millis) {
  return Error(Code::kBusy, "too many logins, try again in " +
                                std::to_string((millis + 999) / 1000) + " s");
}

void describe(const Request& request, Session& session) {
  session.localIp = request.remoteAddress;
  if (const std::string* agent = request.header("user-agent"))
    session.userAgent = agent->substr(0, kMaxAgentBytes);
}

}  // namespace

std::string textOf(const Request& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value ? *value : std::string();
}

bool flagOf(const Request& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value && (*value == "true" || *value == "1");
}

Result<std::string> neededText(const Request& request, std::string_view name, std::size_t most) {
  std::string value = textOf(request, name);
  if (value.empty())
    return Error(Code::kSvlMissingParameter, "missing parameter: " + std::string(name));
  if (value.size() > most) return tooLong(name, most);
  return value;
}

std::string joined(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs)
    out += (out.empty() ? "" : "&") + name + "=" + http::percentEncode(value);
  return out;
}

Response redirectTo(std::string location) {
  Response out;
  out.status = 302;
  out.headers.emplace_back("Location", std::move(location));
  return out;
}

LoginDesk::LoginDesk(LoginSettings settings, std::shared_ptr<services::SessionService> sessions,
                     std::shared_ptr<services::ContextService> contexts, Clock& clock)
    : settings_(std::move(settings)), sessions_(std::move(sessions)),
      contexts_(std::move(contexts)), httpOnly_(settings_.httpOnly), failures_(clock),
      perName_(clock) {
  reload(settings_);
}

void LoginDesk::reload(const LoginSettings& settings) {
  httpOnly_ = settings.httpOnly;
  const RateSettings& rates = settings.rate;
  failures_.configure(rates.failures, rates.windowMillis);
  perName_.configure(rates.perName, rates.perNameMillis);
}

Result<User> LoginDesk::authenticate(const std::string& name, const std::string& password) {
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

Result<Admitted> LoginDesk::logIn(const Request& request) {
  const char* nameParameter = request.parameter("name") ? "name" : "login";
  const std::string name = textOf(request, nameParameter);
  const std::string password = textOf(request, "password");
  const std::string client = textOf(request, "client");
  if (inQuery(request, "password"))
    return Error(Code::kSvlInvalidParameter,
                 "parameter password is not allowed in the URL: send it in the body");
  if (name.empty() || password.empty()) return Error(Code::kLgiMissing);
  if (name.size() > kMaxNameBytes) return tooLong(nameParameter, kMaxNameBytes);
  if (password.size() > kMaxPasswordBytes) return tooLong("password", kMaxPasswordBytes);
  if (client.size() > kMaxClientBytes) return tooLong("client", kMaxClientBytes);

  const std::string& from = request.remoteAddress;
  if (const auto millis = std::max(failures_.waitMillis(from), perName_.waitMillis(name)))
    return wait(millis);
  perName_.count(name);
  auto user = authenticate(name, password);
  if (!user) {
    if (user.error().code == Code::kLgiInvalid) failures_.count(from);
    return user.error();
  }
  Session fresh;
  fresh.loginName = name;
  fresh.password = password;
  fresh.login = name;
  fresh.client = client.empty() ? kDefaultClient : client;
  fresh.authId = textOf(request, "authId").substr(0, kMaxClientBytes);
  fresh.origin = "HTTP_JSON";
  fresh.staySignedIn = flagOf(request, "staySignedIn");
  auto admitted = create(request, std::move(fresh), std::move(*user));
  if (!admitted) return admitted;
  // Whoever changed the password while we looked at it may have ended sessions before this one.
  if (Status valid = contexts_->stillValid(admitted->user, password); !valid) {
    if (valid.error().code == Code::kLgiInvalid) failures_.count(from);
    if (Status gone = sessions_->remove(admitted->session->sessionId); !gone)
      log::warn("a session of a login that is not valid any more could not be removed: " +
                gone.error().toString());
    return valid.error();
  }
  return admitted;
}

Result<Admitted> LoginDesk::another(const Request& request, const Session& of,
                                    const std::string& client) {
  auto user = userOf(of);
  if (!user) return user.error();
  Session fresh;
  fresh.loginName = of.loginName;
  fresh.password = of.password;
  fresh.login = of.login;
  fresh.client = client;
  fresh.origin = "HTTP_JSON";
  return create(request, std::move(fresh), std::move(*user));
}

Result<Admitted> LoginDesk::create(const Request& request, Session session, User user) {
  session.contextId = user.contextId;
  session.userId = user.id;
  session.userLogin = user.loginName;
  describe(request, session);
  const bool guest = user.guestCreatedBy > 0;
  if (guest) session.kind = services::SessionKind::kGuest;
  session.hash = guest ? guestHash(request, session, settings_)
                       : sessionHash(request, session.client, settings_);
  auto made = sessions_->create(std::move(session));
  if (!made) return made.error();
  const Session& s = **made;
  log::info(std::string(guest ? "login of a guest" : "login") + ": context " +
            std::to_string(s.contextId) + ", user " + std::to_string(s.userId) + ", client " +
            s.client + ", from " + s.localIp);
  return Admitted{std::move(*made), std::move(user)};
}

Result<User> LoginDesk::userOf(const Session& session) {
  if (const auto context = contexts_->usable(session.contextId); !context) return context.error();
  return contexts_->user(session.contextId, session.userId);
}

Result<SessionPtr> LoginDesk::adopt(const Request& request, const Session& session,
                                    const std::string& client) {
  const bool guest = session.hash == guestHash(request, session, settings_) ||
                     session.kind == services::SessionKind::kGuest;
  return sessions_->update(session.sessionId, [&](Session& s) {
    if (!client.empty()) s.client = client;
    describe(request, s);
    s.hash = guest ? guestHash(request, s, settings_) : sessionHash(request, s.client, settings_);
  });
}

std::string LoginDesk::hashFor(const Request& request, const Session& session) const {
  return cookieHash(request, session, settings_);
}

std::vector<Cookie> LoginDesk::cookies(const Request& request, const Session& s) const {
  const std::int64_t seconds =
      settings_.autologin || s.staySignedIn ? settings_.cookieSeconds : std::int64_t{-1};
  const auto one = [&](std::string name, std::string value) {
    Cookie out;
    out.name = std::move(name);
    out.value = std::move(value);
    out.maxAgeSeconds = seconds;
    out.httpOnly = httpOnly_;
    out.secure = request.secure;
    return out;
  };
  return {one(secretCookie(s.hash), s.secret), one(sessionCookie(s.hash), s.sessionId),
          one(publicCookie(agentHash(request, settings_)), s.altId)};
}

std::vector<Cookie> LoginDesk::noCookies(const Request& request, const std::string& hash) const {
  std::vector<Cookie> out;
  for (std::string name :
       {secretCookie(hash), sessionCookie(hash), publicCookie(agentHash(request, settings_)),
        std::string(http::kJSessionCookie)}) {
    Cookie cookie;
    cookie.name = std::move(name);
    cookie.maxAgeSeconds = 0;
    cookie.httpOnly = httpOnly_;
    cookie.secure = request.secure;
    out.push_back(std::move(cookie));
  }
  return out;
}

std::vector<Field> LoginDesk::fields(const Admitted& admitted) const {
  const Session& s = *admitted.session;
  std::vector<Field> out = {{"session", s.sessionId},
                            {"user", s.userLogin},
                            {"user_id", std::int64_t{s.userId}},
                            {"context_id", std::int64_t{s.contextId}},
                            {"locale", admitted.user.language}};
  if (settings_.randomToken && !s.randomToken.empty()) out.emplace_back("random", s.randomToken);
  return out;
}

Response LoginDesk::present(const Request& request, const Admitted& admitted) const {
  Response response = jsonAnswer(fields(admitted), false);
  response.cookies = cookies(request, *admitted.session);
  return response;
}

std::string LoginDesk::uiPath(const Request& request) const {
  const std::string asked = textOf(request, "uiWebPath");
  return localPath(asked) ? asked : settings_.uiWebPath;
}

}  // namespace ox::login
