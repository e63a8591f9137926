// ManagementServer: the JMX port (reads: Jolokia, metrics, health) and the RMI port (operations),
//                   both
// HTTP+JSON. POCO's HTTP server: few callers, each may block for a whole update run.
//
// JMX port:  GET|POST /jolokia[/...] (also below /monitoring), GET /metrics, /live, /ready, /safe
// RMI port:  POST /rmi/<Service>/<operation> {"arguments":{...}} with Content-Type application/json
//            -> {"result":...} | {"error":{"code":"CTX-0007","message":"..."}}
// Security:  loopback by default; Host and Origin must name this node (against web pages in a
//            browser on
//            the same machine); JMXLogin for /jolokia and /metrics when set; master password for
//            operations. Refusals are counted and logged without secrets.
// Threads:   start/stop by one thread; requests on their own threads (kJmxThreads, kRmiThreads).
// Errors:    start() NET-0006 naming address and key when a port cannot be had.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "management/master.h"
#include "management/registry.h"

namespace ox::management {

inline constexpr int kJmxThreads = 8;
inline constexpr int kRmiThreads = 32;
inline constexpr int kMaxQueuedConnections = 64;
inline constexpr std::size_t kMaxBodyBytes = 4U << 20U;
inline constexpr int kReceiveSeconds = 15;

struct ManagementSettings {
  std::string jmxHost = "localhost";  // "*" = every address
  std::uint16_t jmxPort = 9999;       // 0 = any free one
  std::string rmiHost = "localhost";
  std::uint16_t rmiPort = 1099;
  std::string jmxLogin;
  std::string jmxPassword;
  bool masterAuthenticationDisabled = false;
  PasswordCheck masterCheck;  // required unless disabled
};

struct ManagementCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refusedOrigin{0};
  std::atomic<std::uint64_t> refusedCredentials{0};
  std::atomic<std::uint64_t> tooLarge{0};
};

class ManagementServer {
 public:
  ManagementServer(std::shared_ptr<ManagementRegistry> registry, ManagementSettings settings);
  ~ManagementServer();  // stop()
  ManagementServer(const ManagementServer&) = delete;
  ManagementServer& operator=(const ManagementServer&) = delete;

  Status start();
  // Waits until running requests have ended.
  void stop();
  std::uint16_t jmxPort() const;  // the real ones, after start()
  std::uint16_t rmiPort() const;
  const ManagementCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ox::management
