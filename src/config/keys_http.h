// Keys: the HTTP connectors beyond what server.properties of the original holds (grizzly.properties:
// TLS and the header limit; server.properties: AJP, connections, SameSite).
// Each constant is declared once; what it means, its type, range and default is in the .cpp.
#pragma once

#include "config/key.h"

namespace ox::config::keys {

extern const Key<bool> kHttpTls;  // com.openexchange.http.grizzly.hasSSLEnabled
extern const Key<std::string> kHttpKeystorePath;  // com.openexchange.http.grizzly.keystorePath
extern const Key<std::string> kHttpKeystorePassword;
//   com.openexchange.http.grizzly.keystorePassword
extern const Key<std::string> kHttpCiphers;  // com.openexchange.http.grizzly.enabledCipherSuites
extern const Key<std::int64_t> kMaxHttpHeaderSize;
//   com.openexchange.http.grizzly.maxHttpHeaderSize
extern const Key<std::int64_t> kMaxConnections;  // com.openexchange.connector.maxConnections
extern const Key<std::int64_t> kConnectorAjpPort;
//   com.openexchange.connector.networkAjpListenerPort
extern const Key<std::string> kConnectorAjpSecret;  // com.openexchange.connector.ajpSecret
extern const Key<std::string> kCookieSameSite;  // com.openexchange.cookie.sameSite

extern const Key<std::string> kUiWebPath;  // com.openexchange.UIWebPath
extern const Key<bool> kAppTokens;  // com.openexchange.tokenlogin
extern const Key<Millis> kAppTokenMaxIdle;  // com.openexchange.tokenlogin.maxIdleTime

}  // namespace ox::config::keys
