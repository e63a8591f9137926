// Host: finds the bundles of a directory, starts them in the order of their services, stops them in
// reverse. A bundle that cannot run is named with its reason and the rest of the node lives.
//
// Threads:   load, start, stop, reload on one thread (the daemon's main thread); list() from any.
// Ownership: the host owns the activators. Modules stay mapped until the process ends, because an
//            object of a stopped bundle may still be held somewhere.
// Order:     by name among those that are ready. A needed service is there when every running
//            bundle
//            that declares it has started and somebody offers it; an optional one ("x?") only
//            orders.
// Errors:    RUN-0101 missing service, RUN-0102 circle, RUN-0103 failed start, RUN-0104 other
//            kernel,
//            RUN-0105 not loadable. All are logged and kept in list().
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/bundle.h"
#include "runtime/registry.h"

namespace ox::runtime {

inline constexpr int kMaxBundles = 256;

// Words as listbundles shows them.
enum class BundleState : std::uint8_t {
  kInstalled,  // a needed service is missing
  kResolved,   // loaded, not running (before start, after stop)
  kActive,
  kFailed,     // did not load or did not start
  kDisabled,   // switched off by the configuration, or needs what only such a bundle offers
};
const char* stateName(BundleState state);

struct BundleInfo {
  std::string name;
  std::string version;
  std::string file;
  BundleState state = BundleState::kResolved;
  std::vector<std::string> needs;  // as declared, incl. a trailing '?'
  std::vector<std::string> offers;
  std::string error;  // "RUN-0101: ..." or empty
};

class Host {
 public:
  // A quiet one writes no log records; list() has the reasons.
  explicit Host(ServiceRegistry& services, bool quiet = false);
  ~Host();  // stops what runs
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Reads the *.so of a directory. An error only when the directory itself cannot be read.
  Status load(const std::string& directory);
  // Starts what can be started; returns the number of bundles that are not running although they
  // should (those switched off by the configuration are not among them).
  int start();
  void stop();
  // Tells every running bundle that the configuration was read again.
  void reload();
  std::vector<BundleInfo> list() const;

 private:
  struct Bundle {
    BundleInfo info;
    const BundleDescriptor* descriptor = nullptr;
    std::unique_ptr<BundleActivator> activator;
    bool waiting = false;  // neither started nor given up
  };
  enum class Readiness : std::uint8_t { kReady, kWaits, kHopeless };

  void loadFile(const std::string& path);
  void giveUp(Bundle& bundle, BundleState state, const Error& error);
  void stayOff(Bundle& bundle, const std::string& why);
  bool onlyDisabledOffer(const std::string& service) const;
  Readiness readiness(const Bundle& bundle, bool ignoreOptional, std::string* missing) const;
  bool pass(bool ignoreOptional);
  void breakCircle();
  void startOne(Bundle& bundle);
  std::string whyMissing(const std::string& service) const;
  std::vector<Bundle*> waitingProviders(const std::string& service, const Bundle& except) const;
  void setState(Bundle& bundle, BundleState state, std::string error);

  ServiceRegistry& services_;
  const bool quiet_;
  mutable std::mutex mutex_;  // guards the `info` of all bundles
  std::vector<std::unique_ptr<Bundle>> bundles_;  // sorted by name
  std::vector<Bundle*> started_;                  // in the order of starting
};

}  // namespace ox::runtime
