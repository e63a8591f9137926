#include "http/dispatcher.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>

#include "base/check.h"
#include "base/log.h"
#include "http/cookies.h"
#include "http/jsessionid.h"
#include "http/url.h"

namespace ox::http {
namespace {

// The second prefix is where App Suite's web server rules usually send the API.
constexpr std::string_view kAlternativePrefix = "/appsuite/api/";
constexpr std::array<std::string_view, 7> kMethods = {"GET",    "POST",    "PUT",  "HEAD",
                                                      "DELETE", "OPTIONS", "PATCH"};

void toLower(std::string& text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}
std::string lower(std::string_view text) {
  std::string out(text);
  toLower(out);
  return out;
}

const std::string* findPair(const std::vector<std::pair<std::string, std::string>>& pairs,
                            std::string_view name) {
  for (const auto& [key, value] : pairs)
    if (key == name) return &value;
  return nullptr;
}

bool formBody(const Request& request) {
  const std::string* type = request.header("content-type");
  if (!type) return false;
  std::string media = lower(std::string_view(*type).substr(0, type->find(';')));
  while (!media.empty() && media.back() == ' ') media.pop_back();
  return media == "application/x-www-form-urlencoded";
}

bool headerSafe(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
}

}  // namespace

const std::string* Request::header(std::string_view lowerName) const {
  return findPair(headers, lowerName);
}
const std::string* Request::parameter(std::string_view name) const {
  return findPair(parameters, name);
}
const std::string* Request::cookie(std::string_view name) const { return findPair(cookies, name); }

Dispatcher::Dispatcher(HttpSettings settings, Random& random, Clock& clock)
    : settings_(std::move(settings)), echoName_(lower(settings_.echoHeader)), proxies_(settings_.knownProxies), random_(random),
      httpSessions_(settings_.maxHttpSessions, settings_.maxInactiveMillis, clock),
      cookieHttpOnly_(settings_.cookieHttpOnly) {}

std::shared_ptr<void> Dispatcher::add(const std::string& path, std::shared_ptr<Servlet> servlet) {
  {
    std::unique_lock lock(registry_->mutex);
    const bool fresh = registry_->servlets.emplace(path, servlet).second;
    OX_CHECK(fresh);  // two bundles must not answer the same path
    registry_->version = nextVersion();
  }
  return std::shared_ptr<void>(servlet.get(), [registry = registry_, servlet, path](void*) {
    {
      std::unique_lock lock(registry->mutex);
      registry->servlets.erase(path);
      registry->version = nextVersion();
    }
    servlet->gate.close();
    servlet->handler = nullptr;
    servlet->atOnce = nullptr;
  });
}

std::uint64_t Dispatcher::nextVersion() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// Each thread keeps what it found, with a count of references of its own: the lock and the count of one
// servlet, touched by all processors at every request, cost more than the look-up.
std::shared_ptr<Servlet> Dispatcher::find(const std::string& path) const {
  struct Found {
    std::uint64_t version = 0;
    std::string path;
    std::shared_ptr<Servlet> servlet;
  };
  static constexpr std::size_t kKept = 8;
  thread_local std::array<Found, kKept> kept;
  const std::uint64_t version = registry_->version;  // before the look-up: a change then ends it
  Found& found = kept[std::hash<std::string_view>{}(path) % kKept];
  if (found.version == version && found.path == path) return found.servlet;
  const std::shared_ptr<Servlet> servlet = lookUp(path);
  if (!servlet) return nullptr;
  found.version = version;
  found.path = path;
  found.servlet = std::shared_ptr<Servlet>(servlet.get(), [servlet](Servlet*) {});
  return found.servlet;
}

std::shared_ptr<Servlet> Dispatcher::lookUp(std::string_view rest) const {
  if (rest.starts_with(settings_.dispatcherPrefix))
    rest.remove_prefix(settings_.dispatcherPrefix.size());
  else if (rest.starts_with(kAlternativePrefix)) rest.remove_prefix(kAlternativePrefix.size());
  // Else a servlet beside the API, registered by its whole path. The longest registered path that ends at a segment border.
  std::shared_lock lock(registry_->mutex);
  while (!rest.empty()) {
    if (const auto it = registry_->servlets.find(rest); it != registry_->servlets.end())
      return it->second;
    const std::size_t slash = rest.rfind('/');
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
  }
  return nullptr;
}

Response Dispatcher::plainError(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.contentType = "text/plain; charset=UTF-8";
  response.body = std::string(text) + "\n";
  return response;
}

void Dispatcher::applyForwarded(Request& request) {
  if (!settings_.considerXForwards) return;
  // Some proxies add a field of their own behind that of the client: all fields are one list.
  std::string chain;
  const std::string* protocol = nullptr;
  for (const auto& [name, value] : request.headers) {
    if (name == settings_.forHeader) chain += (chain.empty() ? "" : ",") + value;
    if (name == settings_.protocolHeader) protocol = &value;  // the last one speaks
  }
  if (chain.empty() && !protocol) return;
  const auto peer = parseAddress(request.remoteAddress);
  // Without a list every sender is a proxy of ours, as in the original; start() warns of it.
  if (!proxies_.empty() && (!peer || !proxies_.contains(*peer))) {
    if (strangeProxies_++ == 0)
      log::warn("forwarding headers from " + request.remoteAddress +
                " are not believed: it is not in com.openexchange.server.knownProxies (said once, "
                "counted in ox_http_strange_proxies_total)");
    return;
  }
  if (protocol) request.secure = request.secure || lower(*protocol) == lower(settings_.httpsValue);
  // From the right: the first address that is not a proxy of ours; what is left of it is hearsay.
  std::string_view rest = chain;
  std::string found;
  while (!rest.empty()) {
    const std::size_t comma = rest.rfind(',');
    std::string_view item = comma == std::string_view::npos ? rest : rest.substr(comma + 1);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    const auto address = parseAddress(item);
    if (!address) break;
    found = std::string(item);
    if (!proxies_.contains(*address)) break;
  }
  if (!found.empty()) request.remoteAddress = found;
}

void Dispatcher::chooseHttpSession(Prepared& prepared,
                                   const std::optional<std::string>& fromPath) {
  if (settings_.backendRoute.empty()) return;
  Request& request = prepared.request;
  const auto ours = [&](const std::string& text) {
    const auto parsed = parseJSessionId(text);
    if (!parsed || parsed->route != settings_.backendRoute) return false;
    const auto decimal = decimalOf(*parsed);
    if (!decimal || !httpSessions_.use(*decimal)) return false;
    request.httpSessionId = text;
    return true;
  };
  for (const auto& [name, value] : request.cookies)
    if (name == kJSessionCookie && ours(value)) return;
  if (fromPath && ours(*fromPath)) return;
  // None, that of another node, or one that this node does not know (any more).
  prepared.newHttpSession = newDecimal(random_);
  request.httpSessionId = jSessionIdText(*prepared.newHttpSession, settings_.backendRoute);
  httpSessions_.add(*prepared.newHttpSession);
}

void Dispatcher::endHttpSession(const std::string& text) {
  const auto parsed = parseJSessionId(text);
  if (const auto decimal = parsed ? decimalOf(*parsed) : std::nullopt)
    httpSessions_.remove(*decimal);
}

Dispatcher::Prepared Dispatcher::prepare(RawRequest raw) {
  Prepared out;
  Request& request = out.request;
  request.method = std::move(raw.method);
  request.remoteAddress = std::move(raw.remoteAddress);
  const auto refuse = [&](int status, const std::string& text) {
    out.refusal = plainError(status, text);
  };
  int hosts = 0;
  request.headers = std::move(raw.headers);
  for (auto& [name, value] : request.headers) {
    toLower(name);
    if (name == "host") ++hosts;
    if (!echoName_.empty() && name == echoName_ && headerSafe(value)) out.echo = value;
    if (name == "cookie")
      if (const std::size_t bad = parseCookies(value, request.cookies)) badCookies_ += bad;
  }
  if (std::find(kMethods.begin(), kMethods.end(), request.method) == kMethods.end()) {
    refuse(405, "method is not supported");
    return out;
  }
  if (hosts > 1) {
    refuse(400, "more than one Host header");
    return out;
  }
  auto target = parseTarget(raw.target);
  if (!target) {
    refuse(400, target.error().message);
    return out;
  }
  request.path = std::move(target->path);
  Status parameters = parseParameters(target->query, settings_.maxParameters, request.parameters);
  request.queryParameters = request.parameters.size();
  request.body = std::move(raw.body);
  if (parameters.ok() && formBody(request))
    parameters = parseParameters(request.body, settings_.maxParameters, request.parameters);
  if (!parameters.ok()) {
    refuse(400, parameters.error().message);
    return out;
  }
  request.secure = settings_.forceHttps || raw.secure;
  request.remoteUser = std::move(raw.remoteUser);
  request.attributes = std::move(raw.attributes);
  applyForwarded(request);
  out.servlet = find(request.path);
  if (!out.servlet) {
    refuse(404, "no such servlet");
    return out;
  }
  chooseHttpSession(out, target->jsessionId);
  return out;
}

Response Dispatcher::failed(const Prepared& prepared, const std::exception& e) {
  ++handlerFailures_;
  log::warn("servlet " + prepared.request.path + " failed: " + e.what());
  return plainError(500, "internal error");
}

void Dispatcher::run(const Prepared& prepared, const Reply& reply) {
  Gate::Visit visit(prepared.servlet->gate);
  if (!visit) {
    reply(plainError(503, "the service is stopping"));
    return;
  }
  try {
    prepared.servlet->handler(prepared.request, reply);
  } catch (const std::exception& e) {
    reply(failed(prepared, e));
  }
}

bool Dispatcher::runAtOnce(const Prepared& prepared, Response& response) {
  if (!prepared.servlet->quick) return false;
  Gate::Visit visit(prepared.servlet->gate);
  if (!visit) return false;  // run() says so
  try {
    return prepared.servlet->atOnce(prepared.request, response);
  } catch (const std::exception& e) {
    response = failed(prepared, e);
    return true;
  }
}

void Dispatcher::finish(const Prepared& prepared, Response& response) {
  const auto decided = std::find_if(response.cookies.begin(), response.cookies.end(),
                                    [](const Cookie& c) { return c.name == kJSessionCookie; });
  if (decided != response.cookies.end()) {
    if (decided->maxAgeSeconds == 0) endHttpSession(prepared.request.httpSessionId);
  } else if (prepared.newHttpSession && !stopping_) {
    Cookie cookie;
    cookie.name = kJSessionCookie;
    cookie.value = prepared.request.httpSessionId;
    cookie.maxAgeSeconds = settings_.cookieSeconds;
    cookie.secure = prepared.request.secure;
    cookie.httpOnly = cookieHttpOnly_;
    response.cookies.push_back(std::move(cookie));
  }
  for (Cookie& cookie : response.cookies)
    if (cookie.sameSite == SameSite::kConfigured) cookie.sameSite = settings_.sameSite;
  if (!prepared.echo.empty()) response.headers.emplace_back(settings_.echoHeader, prepared.echo);
}

}  // namespace ox::http
