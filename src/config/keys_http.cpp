#include "config/keys_http.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<bool> kHttpTls(
    {.name = "com.openexchange.http.grizzly.hasSSLEnabled", .file = "grizzly.properties",
     .defaultText = "false",
     .help = "Whether the HTTPS connector listens on "
     "com.openexchange.connector.networkSslListenerPort, beside the HTTP connector."});

const Key<std::string> kHttpKeystorePath(
    {.name = "com.openexchange.http.grizzly.keystorePath", .file = "grizzly.properties",
     .defaultText = "", .allowed = "the path of a PEM or PKCS12 file",
     .help = "Private key and certificate chain of the HTTPS connector. A Java keystore (JKS) is "
     "refused with the command that converts it."});

const Key<std::string> kHttpKeystorePassword(
    {.name = "com.openexchange.http.grizzly.keystorePassword", .file = "grizzly.properties",
     .defaultText = "", .secret = true,
     .help = "Password of that file; empty when it has none."});

const Key<std::string> kHttpCiphers(
    {.name = "com.openexchange.http.grizzly.enabledCipherSuites", .file = "grizzly.properties",
     .defaultText = "", .allowed = "names of OpenSSL, separated by commas or colons",
     .help = "Cipher suites of the HTTPS connector with TLS 1.2; empty means the library's choice. "
     "TLS 1.3 has its own, which are all allowed."});

const Key<std::int64_t> kMaxHttpHeaderSize(
    {.name = "com.openexchange.http.grizzly.maxHttpHeaderSize", .file = "grizzly.properties",
     .defaultText = "8192", .min = 1024, .max = 1048576,
     .help = "Largest header of a request (request line and all fields) in bytes; more is answered "
     "with 431. The servers in front have limits of their own."});

const Key<std::int64_t> kMaxConnections(
    {.name = "com.openexchange.connector.maxConnections", .file = "server.properties",
     .defaultText = "20000", .min = 1, .max = 1000000, .ours = true,
     .help = "How many connections the connectors keep open together, idle ones included (they cost "
     "no thread, about 3 KiB each). Further ones are answered with 503."});

const Key<std::int64_t> kConnectorAjpPort(
    {.name = "com.openexchange.connector.networkAjpListenerPort", .file = "server.properties",
     .defaultText = "-1", .min = -1, .max = 65535, .ours = true,
     .help = "Port of the AJP connector for Apache's mod_proxy_ajp; -1 is none, 0 any free port."});

const Key<std::string> kConnectorAjpSecret(
    {.name = "com.openexchange.connector.ajpSecret", .file = "server.properties",
     .defaultText = "", .secret = true, .ours = true,
     .help = "Secret that every AJP request must carry (secret= of Apache's BalancerMember). AJP lets "
     "the other side say who the client is: without a secret the AJP connector listens on "
     "loopback addresses only."});

const Key<std::string> kCookieSameSite(
    {.name = "com.openexchange.cookie.sameSite", .file = "server.properties",
     .defaultText = "lax", .values = {"lax", "strict", "none", "off"}, .ours = true,
     .help = "The attribute SameSite of all cookies: whether a browser sends them with requests that "
     "other sites caused. None is written only together with Secure; off leaves it out."});

const Key<std::string> kUiWebPath(
    {.name = "com.openexchange.UIWebPath", .file = "server.properties",
     .defaultText = "/appsuite/", .allowed = "a path that begins and ends with /",
     .help = "Where formlogin, redirect and tokenLogin send a browser unless the request names another "
     "path of this site.",
     .check = checkPathPrefix});

const Key<bool> kAppTokens(
    {.name = "com.openexchange.tokenlogin", .file = "tokenlogin.properties", .defaultText = "true",
     .help = "Whether a session may get tokens for applications (token?action=acquireToken), which they "
     "exchange for a session of their own (login?action=redeemToken). The applications' secrets are "
     "in the file tokenlogin-secrets, one a line, with \"; accessPassword=true\" behind those that "
     "may see the password; without this file no application is known."});

const Key<Millis> kAppTokenMaxIdle(
    {.name = "com.openexchange.tokenlogin.maxIdleTime", .file = "tokenlogin.properties",
     .defaultText = "300000", .min = 1000, .max = 86400000,
     .help = "How long such a token may be used."});

}  // namespace ox::config::keys
