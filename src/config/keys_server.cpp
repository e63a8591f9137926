#include "config/keys_server.h"

#include "config/key_checks.h"

namespace ox::config::keys {

const Key<std::string> kBackendRoute(
    {.name = "com.openexchange.server.backendRoute", .file = "server.properties",
     .defaultText = "OX0", .allowed = "letters, digits, - and _, at most 64",
     .help = "Route of this node: the part behind the dot of JSESSIONID, by which a load balancer "
     "finds the node of a session. Must differ on every node.",
     .check = checkBackendRoute});

const Key<std::string> kMigrationRedirectUrl(
    {.name = "com.openexchange.server.migrationRedirectURL", .file = "server.properties",
     .defaultText = "", .allowed = "an http:// or https:// URL, or empty",
     .help = "Where users are sent who log in here although their context belongs to another server (a "
     "segmented upgrade with two load balancers): LGI-0016 with this URL, or 302 where a browser "
     "logs in by itself. Must not be set on the nodes that it leads to: users would go in circles.",
     .check = checkWebUrl});

const Key<bool> kConsiderXForwards(
    {.name = "com.openexchange.server.considerXForwards", .file = "server.properties",
     .defaultText = "false", .stockText = "true",
     .help = "Whether the address of the client is taken from the forwarding header of a known "
     "proxy."});

const Key<std::vector<std::string>> kKnownProxies(
    {.name = "com.openexchange.server.knownProxies", .file = "server.properties",
     .defaultText = "", .allowed = "comma separated IP addresses or networks such as 10.0.0.0/8",
     .help = "Addresses of the proxies in front. Only a request that comes from one of them has its "
     "forwarding headers believed; empty means that every sender is believed, as in the original, and a WARN at the start when "
     "the connector listens beyond loopback.",
     .check = checkProxies});

const Key<std::string> kForHeader(
    {.name = "com.openexchange.server.forHeader", .file = "server.properties",
     .defaultText = "X-Forwarded-For", .allowed = "the name of an HTTP header",
     .help = "Header in which the proxy tells the address of the client.",
     .check = checkHeaderName});

const Key<std::string> kProtocolHeader(
    {.name = "com.openexchange.server.protocolHeader", .file = "server.properties",
     .defaultText = "X-Forwarded-Proto", .allowed = "the name of an HTTP header",
     .help = "Header in which the proxy tells whether the client used HTTPS.",
     .check = checkHeaderName});

const Key<std::string> kHttpsProtoValue(
    {.name = "com.openexchange.server.httpsProtoValue", .file = "server.properties",
     .defaultText = "https",
     .help = "Value of that header that means HTTPS."});

const Key<std::int64_t> kHttpProtoPort(
    {.name = "com.openexchange.server.httpProtoPort", .file = "server.properties",
     .defaultText = "80", .min = 1, .max = 65535,
     .help = "Port that a client sees with HTTP. Accepted and without effect: no answer holds a port, redirects "
     "name a path of the site that was asked."});

const Key<std::int64_t> kHttpsProtoPort(
    {.name = "com.openexchange.server.httpsProtoPort", .file = "server.properties",
     .defaultText = "443", .min = 1, .max = 65535,
     .help = "Port that a client sees with HTTPS. Accepted and without effect, as httpProtoPort."});

const Key<std::string> kConnectorHost(
    {.name = "com.openexchange.connector.networkListenerHost", .file = "server.properties",
     .defaultText = "127.0.0.1", .allowed = "* or an IP address or a host name",
     .help = "Address on which the HTTP connector listens; * is every address.",
     .check = checkListenHost});

const Key<std::int64_t> kConnectorPort(
    {.name = "com.openexchange.connector.networkListenerPort", .file = "server.properties",
     .defaultText = "8009", .min = 0, .max = 65535,
     .help = "Port of the HTTP connector; 0 takes any free port."});

const Key<std::int64_t> kConnectorSslPort(
    {.name = "com.openexchange.connector.networkSslListenerPort", .file = "server.properties",
     .defaultText = "8010", .min = 0, .max = 65535,
     .help = "Port of the HTTPS connector, when com.openexchange.http.grizzly.hasSSLEnabled is true; 0 "
     "takes any free port."});

const Key<std::int64_t> kLivenessPort(
    {.name = "com.openexchange.connector.livenessPort", .file = "server.properties",
     .defaultText = "8016", .min = 0, .max = 65535,
     .help = "Port of the liveness probe: GET /live answers 200 as long as the process works, also "
     "while it waits for others. 0 takes any free port; a port that is taken is a WARN."});

const Key<std::int64_t> kMaxRequestParameters(
    {.name = "com.openexchange.connector.maxRequestParameters", .file = "server.properties",
     .defaultText = "1000", .min = 1, .max = 100000,
     .help = "How many parameters one request may have; more is answered with 400."});

const Key<bool> kShutdownFast(
    {.name = "com.openexchange.connector.shutdownFast", .file = "server.properties",
     .defaultText = "false",
     .help = "Whether a stopping connector closes at once instead of letting running requests "
     "finish."});

const Key<std::int64_t> kAwaitShutDownSeconds(
    {.name = "com.openexchange.connector.awaitShutDownSeconds", .file = "server.properties",
     .defaultText = "90", .min = 0, .max = 3600,
     .help = "Seconds that running requests get to finish when the connector stops."});

const Key<std::int64_t> kMaxBodySize(
    {.name = "com.openexchange.servlet.maxBodySize", .file = "server.properties",
     .defaultText = "104857600", .min = 0, .max = 2147483647,
     .help = "Largest body of a request in bytes; more is answered with 413."});

const Key<std::int64_t> kMaxInactiveInterval(
    {.name = "com.openexchange.servlet.maxInactiveInterval", .file = "server.properties",
     .defaultText = "1800", .min = -1, .max = 2147483647,
     .help = "Seconds after which an unused HTTP session (JSESSIONID, not the session of the user) "
     "is forgotten; -1 = never. Its client gets a new JSESSIONID then; nothing but the route is "
     "kept under it."});

const Key<std::int64_t> kMaxActiveSessions(
    {.name = "com.openexchange.servlet.maxActiveSessions", .file = "server.properties",
     .defaultText = "250000", .min = -2147483648, .max = 2147483647,
     .help = "How many HTTP sessions (JSESSIONID) are kept; 0 or less = no limit. Beyond it the one "
     "unused longest is forgotten; its client gets a new JSESSIONID."});

const Key<std::string> kEchoHeaderName(
    {.name = "com.openexchange.servlet.echoHeaderName", .file = "server.properties",
     .defaultText = "X-Echo-Header", .allowed = "the name of an HTTP header",
     .help = "A request with this header gets it back unchanged, for monitors that wait for a sign.",
     .check = checkHeaderName});

const Key<std::string> kDispatcherPrefix(
    {.name = "com.openexchange.dispatcher.prefix", .file = "server.properties",
     .defaultText = "/ajax/", .allowed = "a path that begins and ends with /",
     .help = "Path below which the HTTP interface is found.",
     .check = checkPathPrefix});

const Key<std::string> kCookieTtl(
    {.name = "com.openexchange.cookie.ttl", .file = "server.properties", .defaultText = "1W",
     .allowed = "a time span such as 1W, 12h or 604800000, or web-browser",
     .help = "How long a browser keeps the cookies; \"web-browser\" means until it is closed.",
     .check = checkCookieTtl});

const Key<bool> kCookieHttpOnly(
    {.name = "com.openexchange.cookie.httpOnly", .file = "server.properties",
     .defaultText = "true", .reloadable = true,
     .help = "Whether scripts in the browser are kept away from the cookies."});

const Key<std::string> kCookieHash(
    {.name = "com.openexchange.cookie.hash", .file = "server.properties",
     .defaultText = "calculate", .values = {"calculate", "remember"},
     .help = "How the hash in the names of the cookies is found: computed from client and browser at"
     " every request, or remembered in the session."});

const Key<std::string> kCookieHashSalt(
    {.name = "com.openexchange.cookie.hash.salt", .file = "server.properties",
     .defaultText = "replaceMe1234567890", .allowed = "any text, the same on every node",
     .secret = true,
     .help = "Goes into the hash in the names of the cookies. Must be equal on all nodes. The value "
     "delivered here is published: choose your own.",
     .check = checkNotBlank});

const Key<std::vector<std::string>> kCookieHashFields(
    {.name = "com.openexchange.cookie.hash.fields", .file = "server.properties",
     .defaultText = "",
     .help = "Further request headers that go into the hash."});

const Key<bool> kForceHttps(
    {.name = "com.openexchange.forceHTTPS", .file = "server.properties", .defaultText = "false",
     .help = "Whether cookies are marked for HTTPS only although the request came by HTTP."});

const Key<bool> kIpCheck(
    {.name = "com.openexchange.IPCheck", .file = "server.properties", .defaultText = "true",
     .help = "Whether a session may be used only from the address that logged in. A request "
     "from another one gets SES-0203."});

const Key<std::string> kIpMaskV4(
    {.name = "com.openexchange.IPMaskV4", .file = "server.properties", .defaultText = "",
     .allowed = "/0../32 or a mask such as 255.255.255.0, or empty",
     .help = "How much of an IPv4 address must stay the same, such as /24 or 255.255.255.0; empty "
     "means all of it.",
     .check = checkMaskV4});

const Key<std::string> kIpMaskV6(
    {.name = "com.openexchange.IPMaskV6", .file = "server.properties", .defaultText = "",
     .allowed = "/0../128, or empty",
     .help = "The same for IPv6, such as /60.",
     .check = checkMaskV6});

const Key<std::vector<std::string>> kIpCheckWhitelist(
    {.name = "com.openexchange.IPCheckWhitelist", .file = "server.properties",
     .defaultText = "open-xchange-mailapp, open-xchange-mobile-api-facade",
     .help = "Clients whose sessions may change the address."});

const Key<bool> kAllowStockSecrets(
    {.name = "com.openexchange.security.allowStockSecrets", .file = "server.properties",
     .defaultText = "false", .ours = true,
     .help = "Published secrets (encryption key of the sessions, salt of the cookies, group "
     "password, password of the database as delivered) are a warning while join is \"empty\" "
     "and stop the start otherwise. True allows them knowingly, for a test cluster."});

}  // namespace ox::config::keys
