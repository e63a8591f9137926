// What the connector reads from the configuration, as plain values with the documented defaults.
// Threads: plain value. Units: bytes, milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "http/servlet.h"

namespace ox::config {
class Config;
}

namespace ox::http {

struct HttpSettings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8009;
  std::string dispatcherPrefix = "/ajax/";
  std::string backendRoute = "OX0";
  std::string echoHeader = "X-Echo-Header";
  std::size_t maxBodyBytes = 100 * 1024 * 1024;
  std::size_t maxHeaderBytes = 8 * 1024;
  std::size_t maxParameters = 1000;
  std::size_t maxConnections = 20'000;
  std::size_t maxHttpSessions = 250'000;       // 0 = no limit
  std::int64_t maxInactiveMillis = 1'800'000;  // of an HTTP session; < 0 = never
  std::int64_t idleTimeoutMillis = 65'000;      // between requests of a kept connection
  std::int64_t headerTimeoutMillis = 15'000;    // from the first byte to the end of the header
  std::int64_t bodyTimeoutMillis = 30'000;      // without any byte of the body
  std::int64_t requestTimeoutMillis = 300'000;  // the whole body
  std::int64_t writeTimeoutMillis = 60'000;
  std::int64_t shutdownMillis = 90'000;
  std::int64_t lingerMillis = 1'000;  // of idle connections at a stop, see server.h
  bool forceHttps = false;
  // Max-Age of JSESSIONID; -1 = until the browser ends.
  std::int64_t cookieSeconds = -1;
  bool cookieHttpOnly = true;
  SameSite sameSite = SameSite::kLax;
  bool considerXForwards = false;
  std::vector<std::string> knownProxies;  // addresses and networks; empty = every sender
  std::string forHeader = "x-forwarded-for";
  std::string protocolHeader = "x-forwarded-proto";
  std::string httpsValue = "https";

  bool tls = false;
  std::uint16_t tlsPort = 8010;
  std::string tlsKeystore;  // PEM or PKCS12 with key and chain
  std::string tlsPassword;
  std::string tlsCiphers;   // of TLS 1.2, in OpenSSL's form; empty = the library's

  int ajpPort = -1;         // -1 = none, 0 = any free
  std::string ajpSecret;
};

HttpSettings httpSettings(const config::Config& config);

}  // namespace ox::http
