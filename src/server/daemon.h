// Daemon: one node: kernel services, bundles, and the order in which they come and go.
//
// Start:   configuration, log, shards and workers, management ports, bundles, HTTP connector,
//          ready.
// Stop:    not ready, HTTP takes nothing new and finishes what runs, bundles in reverse (the grid
//          hands
//          over and leaves), management, workers, shards.
// Threads: all methods on the main thread.
// Errors:  start() returns what must end the process; a bundle that does not start is no such
//          thing.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "management/registry.h"
#include "management/server.h"
#include "runtime/host.h"
#include "server/events.h"

namespace ox::net {
class ShardSet;
class Workers;
}  // namespace ox::net
namespace ox::http {
class HttpServer;
class Liveness;
}

namespace ox::server {

class Daemon {
 public:
  Daemon(std::shared_ptr<const config::Config> config, Events& events);
  ~Daemon();  // stop()
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Status start(const std::string& bundleDirectory);
  // Handles events until the node shall stop; on kStopWhenSafe, until that is safe.
  void run();
  void stop();

 private:
  Status startManagement();
  void startLiveness();
  // MBeans, metrics and operations of the node itself (daemon_management.cpp).
  void registerManagement();
  void registerOperations();
  void waitUntilSafe();
  std::string reload();  // empty = done, else why not

  Events& events_;
  runtime::ServiceRegistry services_;
  std::shared_ptr<config::ConfigService> config_;
  std::shared_ptr<net::ShardSet> shards_;
  std::shared_ptr<net::Workers> workers_;
  std::shared_ptr<management::ManagementRegistry> management_;
  std::unique_ptr<management::ManagementServer> managementServer_;
  std::shared_ptr<http::HttpServer> http_;
  std::unique_ptr<http::Liveness> liveness_;
  std::unique_ptr<runtime::Host> host_;
  std::vector<management::Registration> registrations_;
  std::atomic<bool> ready_{false};
  std::atomic<std::uint64_t> failedReloads_{0};
  std::int64_t startedWallMillis_ = 0;
  std::int64_t startedSteadyMillis_ = 0;
  bool stopped_ = false;
};

}  // namespace ox::server
