// Keys: server.properties (HTTP connector, servlets, cookies, routes, address check).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<std::string> kBackendRoute;  // com.openexchange.server.backendRoute
extern const Key<std::string> kMigrationRedirectUrl;
//   com.openexchange.server.migrationRedirectURL
extern const Key<bool> kConsiderXForwards;  // com.openexchange.server.considerXForwards
extern const Key<std::vector<std::string>> kKnownProxies;  // com.openexchange.server.knownProxies
extern const Key<std::string> kForHeader;  // com.openexchange.server.forHeader
extern const Key<std::string> kProtocolHeader;  // com.openexchange.server.protocolHeader
extern const Key<std::string> kHttpsProtoValue;  // com.openexchange.server.httpsProtoValue
extern const Key<std::int64_t> kHttpProtoPort;  // com.openexchange.server.httpProtoPort
extern const Key<std::int64_t> kHttpsProtoPort;  // com.openexchange.server.httpsProtoPort
extern const Key<std::string> kConnectorHost;  // com.openexchange.connector.networkListenerHost
extern const Key<std::int64_t> kConnectorPort;  // com.openexchange.connector.networkListenerPort
extern const Key<std::int64_t> kConnectorSslPort;
//   com.openexchange.connector.networkSslListenerPort
extern const Key<std::int64_t> kLivenessPort;  // com.openexchange.connector.livenessPort
extern const Key<std::int64_t> kMaxRequestParameters;
//   com.openexchange.connector.maxRequestParameters
extern const Key<bool> kShutdownFast;  // com.openexchange.connector.shutdownFast
extern const Key<std::int64_t> kAwaitShutDownSeconds;
//   com.openexchange.connector.awaitShutDownSeconds
extern const Key<std::int64_t> kMaxBodySize;  // com.openexchange.servlet.maxBodySize
extern const Key<std::int64_t> kMaxInactiveInterval;
//   com.openexchange.servlet.maxInactiveInterval
extern const Key<std::int64_t> kMaxActiveSessions;  // com.openexchange.servlet.maxActiveSessions
extern const Key<std::string> kEchoHeaderName;  // com.openexchange.servlet.echoHeaderName
extern const Key<std::string> kDispatcherPrefix;  // com.openexchange.dispatcher.prefix
extern const Key<std::string> kCookieTtl;  // com.openexchange.cookie.ttl
extern const Key<bool> kCookieHttpOnly;  // com.openexchange.cookie.httpOnly
extern const Key<std::string> kCookieHash;  // com.openexchange.cookie.hash
extern const Key<std::string> kCookieHashSalt;  // com.openexchange.cookie.hash.salt
extern const Key<std::vector<std::string>> kCookieHashFields;
//   com.openexchange.cookie.hash.fields
extern const Key<bool> kForceHttps;  // com.openexchange.forceHTTPS
extern const Key<bool> kIpCheck;  // com.openexchange.IPCheck
extern const Key<std::string> kIpMaskV4;  // com.openexchange.IPMaskV4
extern const Key<std::string> kIpMaskV6;  // com.openexchange.IPMaskV6
extern const Key<std::vector<std::string>> kIpCheckWhitelist;  // com.openexchange.IPCheckWhitelist
extern const Key<bool> kAllowStockSecrets;  // com.openexchange.security.allowStockSecrets

}  // namespace ox::config::keys
