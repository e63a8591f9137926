// What a bundle is: a shared module that exports one descriptor and creates one activator.
//
// A module's source file says, once:
//   OX_BUNDLE("hazelcast", "1.0.0", "config,shards,management", "grid", HazelcastActivator)
//
// Threads:   start() and stop() are called by the host's thread, one bundle at a time.
// Errors:    start() returns a Status; an exception that escapes is reported as a failed start.
// Contract:  stop() undoes start(); afterwards no thread of the bundle runs and no callback of it
//            is registered anywhere, because the module may be unloaded.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/registry.h"

namespace ox::runtime {

// Raised when the layout of anything in src/*.h that bundles use changes.
inline constexpr int kBundleAbi = 3;

struct BundleContext {
  ServiceRegistry& services;
  std::string name;  // of this bundle
  // Set by a start() that finds its bundle switched off by the configuration (the text names the
  // key) and returns ok without offering anything: no failure, it and its dependents stay down.
  std::string switchedOff{};

  template <typename T>
  void offer(const std::string& service, std::shared_ptr<T> object) {
    services.offer<T>(service, std::move(object), name);
  }
  template <typename T>
  std::shared_ptr<T> need(const std::string& service) {
    return services.get<T>(service);
  }
};

class BundleActivator {
 public:
  virtual ~BundleActivator() = default;
  virtual Status start(BundleContext& context) = 0;
  virtual void stop() = 0;
  // Called on SIGHUP after the configuration was read again.
  virtual void reload() {}
};

// Plain data, so that the host can read it before it trusts the module.
struct BundleDescriptor {
  int abi;
  const char* name;
  const char* version;
  const char* needs;   // comma separated service names; a trailing '?' marks an optional one,
                       // which only orders the start
  const char* offers;  // comma separated service names
  BundleActivator* (*create)();
};

}  // namespace ox::runtime

#define OX_BUNDLE(NAME, VERSION, NEEDS, OFFERS, ACTIVATOR)                                   \
  extern "C" __attribute__((visibility("default"))) const ox::runtime::BundleDescriptor*     \
  ox_bundle_descriptor() {                                                                   \
    static const ox::runtime::BundleDescriptor descriptor = {                                \
        ox::runtime::kBundleAbi, NAME, VERSION, NEEDS, OFFERS,                               \
        []() -> ox::runtime::BundleActivator* { return new ACTIVATOR(); }};                  \
    return &descriptor;                                                                      \
  }
