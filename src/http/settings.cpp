#include "http/settings.h"

#include <algorithm>

#include "config/config.h"
#include "config/keys_http.h"
#include "config/keys_server.h"
#include "config/keys_sessiond.h"
#include "http/cookie_ttl.h"
#include "http/server.h"

namespace ox::http {
namespace {
SameSite sameSiteOf(const std::string& text) {
  if (text == "lax") return SameSite::kLax;
  if (text == "strict") return SameSite::kStrict;
  return text == "none" ? SameSite::kNone : SameSite::kOff;
}
std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}
}  // namespace

HttpSettings httpSettings(const config::Config& config) {
  namespace keys = config::keys;
  HttpSettings s;
  s.host = config.get(keys::kConnectorHost);
  s.port = static_cast<std::uint16_t>(config.get(keys::kConnectorPort));
  s.dispatcherPrefix = config.get(keys::kDispatcherPrefix);
  s.backendRoute = config.get(keys::kBackendRoute);
  s.echoHeader = config.get(keys::kEchoHeaderName);
  s.maxBodyBytes = static_cast<std::size_t>(config.get(keys::kMaxBodySize));
  s.maxParameters = static_cast<std::size_t>(config.get(keys::kMaxRequestParameters));
  s.maxHeaderBytes = static_cast<std::size_t>(config.get(keys::kMaxHttpHeaderSize));
  s.maxConnections = static_cast<std::size_t>(config.get(keys::kMaxConnections));
  s.maxHttpSessions =
      static_cast<std::size_t>(std::max<std::int64_t>(config.get(keys::kMaxActiveSessions), 0));
  const std::int64_t inactive = config.get(keys::kMaxInactiveInterval);
  s.maxInactiveMillis = inactive < 0 ? -1 : inactive * 1000;
  s.shutdownMillis =
      config.get(keys::kShutdownFast) ? 0 : config.get(keys::kAwaitShutDownSeconds) * 1000;
  if (s.shutdownMillis == 0) s.lingerMillis = 0;
  s.forceHttps = config.get(keys::kForceHttps);
  // Only where browsers may come back after a restart does the route outlive the browser.
  if (config.get(keys::kSessiondAutologin))
    s.cookieSeconds = cookieTtlSeconds(config.get(keys::kCookieTtl));
  s.cookieHttpOnly = config.get(keys::kCookieHttpOnly);
  s.sameSite = sameSiteOf(lower(config.get(keys::kCookieSameSite)));
  s.considerXForwards = config.get(keys::kConsiderXForwards);
  s.knownProxies = config.get(keys::kKnownProxies);
  s.forHeader = lower(config.get(keys::kForHeader));
  s.protocolHeader = lower(config.get(keys::kProtocolHeader));
  s.httpsValue = config.get(keys::kHttpsProtoValue);
  s.tls = config.get(keys::kHttpTls);
  s.tlsPort = static_cast<std::uint16_t>(config.get(keys::kConnectorSslPort));
  s.tlsKeystore = config.get(keys::kHttpKeystorePath);
  s.tlsPassword = config.get(keys::kHttpKeystorePassword);
  s.tlsCiphers = config.get(keys::kHttpCiphers);
  s.ajpPort = static_cast<int>(config.get(keys::kConnectorAjpPort));
  s.ajpSecret = config.get(keys::kConnectorAjpSecret);
  return s;
}

HttpServer::HttpServer(config::ConfigService& config, net::ShardSet& shards, net::Workers& workers)
    : HttpServer(httpSettings(*config.current()), shards, workers) {
  reload_ = config.onReload([this](const config::Config&, const config::Config& fresh) {
    setCookieHttpOnly(fresh.get(config::keys::kCookieHttpOnly));
  });
}

}  // namespace ox::http
