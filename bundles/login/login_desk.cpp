#include "login_desk.h"

#include <algorithm>

#include "address_check.h"
#include "base/log.h"
#include "cookie_names.h"
#include "database/password.h"
#include "http/address.h"
#include "http/jsessionid.h"
#include "http/url.h"
#include "outside_text.h"

namespace ox::login {
namespace {

using http::Cookie;
using http::Request;
using http::Response;
using services::Session;
using services::SessionPtr;
using services::User;

constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::int64_t kRetrySeconds = 60;  // for what has no window of its own

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

// A server that logs in for a browser says who that is: address, agent and so the names of its cookies.
Result<Request> asClient(const Request& request) {
  const std::string* address = request.parameter("clientIP");
  const std::string* agent = request.parameter("clientUserAgent");
  if (!address && !agent) return request;
  Request out = request;
  if (address) {
    if (!http::parseAddress(*address))
      return Error(Code::kSvlInvalidParameter, "parameter clientIP is no IP address");
    out.remoteAddress = *address;
  }
  if (agent) {
    if (agent->size() > kMaxAgentBytes) return tooLong("clientUserAgent", kMaxAgentBytes);
    std::erase_if(out.headers, [](const auto& h) { return h.first == "user-agent"; });
    out.headers.emplace_back("user-agent", *agent);
  }
  return out;
}

services::SessionKind kindOf(const User& user) {
  if (!user.guest()) return services::SessionKind::kUser;
  return user.anonymousGuest() ? services::SessionKind::kLink : services::SessionKind::kGuest;
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

Result<User> LoginDesk::authenticateOnce(const std::string& name, const std::string& password) {
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

Result<User> LoginDesk::authenticate(const std::string& name, const std::string& password) {
  auto user = authenticateOnce(name, password);
  if (user || user.error().code != Code::kLgiInvalid || !settings_.punyCode) return user;
  const auto native = nativeDomain(name);
  return native ? authenticateOnce(*native, password) : std::move(user);
}

std::int64_t LoginDesk::retrySeconds(const Request& request) {
  const std::string name = textOf(request, request.parameter("name") ? "name" : "login");
  const std::int64_t millis =
      std::max(failures_.waitMillis(request.remoteAddress), perName_.waitMillis(name));
  return millis > 0 ? (millis + 999) / 1000 : kRetrySeconds;
}

Status LoginDesk::mayTry(const std::string& address, const std::string& name) {
  if (const auto millis = std::max(failures_.waitMillis(address), perName_.waitMillis(name)))
    return wait(millis);
  perName_.count(name);
  return {};
}

Result<std::string> LoginDesk::passwordOf(const Request& request) const {
  if (inQuery(request, "password"))
    return Error(Code::kSvlInvalidParameter,
                 "parameter password is not allowed in the URL: send it in the body");
  std::string password = textOf(request, "password");
  if (password.empty()) return Error(Code::kLgiMissing);
  if (password.size() > kMaxPasswordBytes) return tooLong("password", kMaxPasswordBytes);
  return password;
}

Result<Admitted> LoginDesk::logIn(const Request& request) {
  const char* nameParameter = request.parameter("name") ? "name" : "login";
  const std::string name = textOf(request, nameParameter);
  const std::string client = textOf(request, "client");
  const auto password = passwordOf(request);
  if (!password) return password.error();
  if (name.size() > kMaxNameBytes) return tooLong(nameParameter, kMaxNameBytes);
  if (client.size() > kMaxClientBytes) return tooLong("client", kMaxClientBytes);
  const std::string authId = textOf(request, "authId");
  if (authId.size() > kMaxClientBytes) return tooLong("authId", kMaxClientBytes);
  Session fresh;
  fresh.client = client.empty() ? kDefaultClient : client;
  fresh.authId = authId;
  fresh.transient = flagOf(request, "transient");
  fresh.staySignedIn = flagOf(request, "staySignedIn");
  return logInAs(request, name, *password, std::move(fresh));
}

Result<Admitted> LoginDesk::logInAs(const Request& request, const std::string& name,
                                    const std::string& password, Session fresh) {
  if (name.empty() || password.empty()) return Error(Code::kLgiMissing);
  if (name.size() > kMaxNameBytes) return tooLong("name", kMaxNameBytes);
  if (password.size() > kMaxPasswordBytes) return tooLong("password", kMaxPasswordBytes);
  if (const Status may = mayTry(request.remoteAddress, name); !may) return may.error();
  auto user = authenticate(name, password);
  if (!user) {
    if (user.error().code == Code::kLgiInvalid) failures_.count(request.remoteAddress);
    return user.error();
  }
  fresh.loginName = fresh.login = name;
  fresh.password = password;
  return create(request, std::move(fresh), std::move(*user),
                [this, &password](const User& u) { return contexts_->stillValid(u, password); });
}

Result<Admitted> LoginDesk::another(const Request& request, const SessionPtr& of,
                                    const std::string& client) {
  auto user = userOf(*of);
  if (!user) return user.error();
  Session fresh;
  fresh.loginName = of->loginName;
  fresh.password = of->password;
  fresh.login = of->login;
  fresh.client = client;
  fresh.transient = of->transient;
  return create(request, std::move(fresh), std::move(*user), [this, &of](const User&) -> Status {
    const auto over = sessions_->ended(of);
    if (!over) return over.error();
    return *over ? Status(Error(Code::kSesExpired)) : Status();
  });
}

Result<services::Guest> LoginDesk::guestOf(const Request& request, const services::ShareToken& token) {
  if (const auto millis = failures_.waitMillis(request.remoteAddress)) return wait(millis);
  const auto context = contexts_->usable(token.contextId);
  auto guest = context ? contexts_->guest(token.contextId, token.userId, token.baseToken)
                       : Result<services::Guest>(context.error());
  if (guest) return guest;
  const Code code = guest.error().code;
  if (code != Code::kLgiInvalid && code != Code::kCtxNotFound && code != Code::kAdmNoUser) return guest;
  failures_.count(request.remoteAddress);
  return Error(Code::kLgiInvalid);
}

Result<Admitted> LoginDesk::logInGuest(const Request& request, const services::ShareToken& token,
                                       const services::Guest& guest, const std::string* password) {
  const std::string client = textOf(request, "client");
  if (client.size() > kMaxClientBytes) return tooLong("client", kMaxClientBytes);
  Session fresh;
  fresh.client = client.empty() ? settings_.shareClient : client;
  if (password) {
    if (const Status may = mayTry(request.remoteAddress, guest.user.loginName); !may) return may.error();
    auto user = contexts_->authenticate(token.contextId, guest.user.loginName, *password);
    if (user && user->id != token.userId) user = Error(Code::kLgiInvalid);
    if (!user) {
      if (user.error().code == Code::kLgiInvalid) failures_.count(request.remoteAddress);
      return user.error();
    }
    fresh.loginName = fresh.login = guest.user.loginName;
    fresh.password = *password;
    return create(request, std::move(fresh), std::move(*user),
                  [this, password](const User& u) { return contexts_->stillValid(u, *password); });
  }
  if (guest.hasPassword) return Error(Code::kLgiInvalid);
  fresh.loginName = fresh.login = guest.user.loginName;
  return create(request, std::move(fresh), guest.user, [this, &token](const User&) -> Status {
    const auto still = contexts_->guest(token.contextId, token.userId, token.baseToken);
    if (!still) return still.error();
    return still->hasPassword ? Status(Error(Code::kLgiInvalid)) : Status();
  });
}

Result<Admitted> LoginDesk::create(const Request& asker, Session session, User user,
                                   const Again& again) {
  const auto request = asClient(asker);
  if (!request) return request.error();
  session.contextId = user.contextId;
  session.userId = user.id;
  session.userLogin = user.loginName;
  session.origin = "HTTP_JSON";
  describe(*request, session);
  session.kind = kindOf(user);
  if (user.guest() && settings_.transientGuests) session.transient = true;
  if (session.transient) session.staySignedIn = false;
  session.hash = user.guest() ? guestHash(*request, session, settings_)
                              : sessionHash(*request, session.client, settings_);
  auto made = sessions_->create(std::move(session));
  if (!made) return made.error();
  const Session& s = **made;
  if (const Status still = again(user); !still) {
    log::info("a login is taken back, its user or context was changed meanwhile: " +
              std::string(still.error().name()));
    if (still.error().code == Code::kLgiInvalid) failures_.count(asker.remoteAddress);
    if (const Status gone = sessions_->remove(s.sessionId); !gone)
      log::warn("a session that was taken back stays in the grid until it idles out: " +
                gone.error().toString());
    return still.error();
  }
  const bool foreign = s.localIp != asker.remoteAddress;  // what `clientIP` says is the caller's word
  log::info((user.guest() ? "login of a guest: " : "login: ") + line(settings_.loginLine, s) +
            (foreign ? ", asked for by " + asker.remoteAddress : std::string()));
  return Admitted{std::move(*made), std::move(user)};
}

std::string LoginDesk::line(const std::string& form, const Session& s) const {
  return logLine(form, {s.login, s.localIp, s.authId, s.userAgent, s.client, s.contextId, s.userId});
}

Result<User> LoginDesk::userOf(const Session& session) {
  if (const auto context = contexts_->usable(session.contextId); !context) return context.error();
  auto user = contexts_->user(session.contextId, session.userId);
  if (user && !user->mailEnabled) return Error(Code::kLgiUserDisabled);
  return user;
}

Result<SessionPtr> LoginDesk::adopt(const Request& request, const Admitted& admitted,
                                    const std::string& client) {
  const bool guest = admitted.user.guest();
  return sessions_->update(admitted.session->sessionId, [&](Session& s) {
    if (!client.empty()) s.client = client;
    describe(request, s);
    s.hash = guest ? guestHash(request, s, settings_) : sessionHash(request, s.client, settings_);
  });
}

Result<SessionPtr> LoginDesk::stay(const Request& request, SessionPtr session) {
  if (cookieHash(request, *session, settings_) != session->hash) return Error(Code::kSesExpired);
  const std::string& address = request.remoteAddress;
  switch (checkAddress(settings_, *session, address)) {
    case AddressVerdict::kSame: return session;
    case AddressVerdict::kRefused: return Error(Code::kSesExpired);
    case AddressVerdict::kMoved: break;
  }
  return sessions_->update(session->sessionId, [&address](Session& s) { s.localIp = address; });
}

std::string LoginDesk::hashFor(const Request& request, const Session& session) const {
  return cookieHash(request, session, settings_);
}

std::string LoginDesk::guestHashFor(const Request& request, const std::string& client,
                                    const services::ShareToken& token) const {
  Session guest;
  guest.client = client;
  guest.contextId = token.contextId;
  guest.userId = token.userId;
  return guestHash(request, guest, settings_);
}

Cookie LoginDesk::cookie(const Request& request, std::string name, std::string value,
                         std::int64_t seconds) const {
  Cookie out;
  out.name = std::move(name);
  out.value = std::move(value);
  out.maxAgeSeconds = seconds;
  out.httpOnly = httpOnly_;
  out.secure = request.secure;
  return out;
}

Cookie LoginDesk::shareCookieOf(const Request& request, const std::string& token) const {
  return cookie(request, shareCookie(agentHash(request, settings_)), token,
                settings_.autologin ? settings_.cookieSeconds : std::int64_t{-1});
}

std::vector<Cookie> LoginDesk::cookies(const Request& request, const Session& s) const {
  const std::int64_t seconds = !s.transient && (settings_.autologin || s.staySignedIn)
                                   ? settings_.cookieSeconds
                                   : std::int64_t{-1};
  return {cookie(request, secretCookie(s.hash), s.secret, seconds),
          cookie(request, sessionCookie(s.hash), s.sessionId, seconds),
          cookie(request, publicCookie(agentHash(request, settings_)), s.altId, seconds)};
}

std::vector<Cookie> LoginDesk::noCookies(const Request& request, const std::string& hash) const {
  const std::string agent = agentHash(request, settings_);
  std::vector<Cookie> out;
  for (std::string name : {secretCookie(hash), sessionCookie(hash), publicCookie(agent),
                           std::string(http::kJSessionCookie)})
    out.push_back(cookie(request, std::move(name), {}, 0));
  if (request.cookie(shareCookie(agent))) out.push_back(cookie(request, shareCookie(agent), {}, 0));
  return out;
}

std::vector<Field> LoginDesk::fields(const Admitted& admitted) const {
  const Session& s = *admitted.session;
  std::vector<Field> out = {{"session", s.sessionId},
                            {"user", s.userLogin},
                            {"user_id", std::int64_t{s.userId}},
                            {"context_id", std::int64_t{s.contextId}},
                            {"locale", admitted.user.language}};
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
