// ManagementRegistry: the Management service of the daemon: keeps what was registered and lets the
// endpoints walk over it.
//
// Threads:   any. Callbacks run on the calling (management) thread.
// Lifetime:  destroying a Registration waits until calls into it have ended; so a bundle must end a
//            long operation (e.g. tell the runner to stop) before it drops the handle.
// Errors:    an exception of a callback is caught here, logged once per call and counted.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "base/gate.h"
#include "management/management.h"

namespace ox::management {

class ManagementRegistry final : public Management {
 public:
  ManagementRegistry();
  ~ManagementRegistry() override;

  Registration addMBean(MBean bean) override;
  Registration addMBeans(std::function<std::vector<MBean>()> beans) override;
  Registration addOperation(const std::string& name, Access access, Operation operation) override;
  Registration addMetrics(MetricSource source) override;
  Registration addReadiness(const std::string& name,
                            std::function<bool(std::string& why)> ready) override;
  Registration addSafety(const std::string& name,
                         std::function<bool(std::string& why)> safe) override;

  // Each bean, while its registration is held.
  void forEachBean(const std::function<void(const MBean&)>& visit) const;
  std::vector<MetricSample> samples() const;
  std::optional<Access> operationAccess(const std::string& name) const;
  // RUN-0003 for an unknown one, RUN-0002 while its bundle stops.
  Result<nlohmann::json> callOperation(const std::string& name, const nlohmann::json& arguments,
                                       const Caller& caller) const;
  // Empty = all fine, else one line "name: why" per missing thing.
  std::vector<std::string> notReady() const { return failing(ready_); }
  std::vector<std::string> notSafe() const { return failing(safe_); }

  std::uint64_t failedCallbacks() const { return failedCallbacks_; }

 private:
  struct Entry;
  struct Shared;
  using List = std::vector<std::shared_ptr<Entry>>;
  Registration add(List& list, std::shared_ptr<Entry> entry);
  List copy(const List& list) const;
  std::vector<std::string> failing(const List& list) const;
  void callbackFailed(const char* what) const;

  std::shared_ptr<Shared> shared_;  // the lock: handles may outlive the registry
  List beans_;
  List operations_;
  List metrics_;
  List ready_;
  List safe_;
  mutable std::atomic<std::uint64_t> failedCallbacks_{0};
};

}  // namespace ox::management
