// What each bundle cluster-upgrade-from-* is: its line, and this activator.
//
// Threads:   as runtime/bundle.h.
#pragma once

#include <memory>
#include <vector>

#include "bridge.h"
#include "line.h"
#include "management/management.h"
#include "presence.h"
#include "runtime/bundle.h"

namespace ox::upgrade {

class UpgradeActivator : public runtime::BundleActivator {
 public:
  explicit UpgradeActivator(const LegacyLine& line) : line_(line) {}
  Status start(runtime::BundleContext& context) override;
  void stop() override;

 private:
  const LegacyLine& line_;
  std::shared_ptr<Bridge> bridge_;
  std::shared_ptr<Presence> presence_;
  std::vector<std::unique_ptr<services::Subscription>> subscriptions_;
  std::vector<management::Registration> registrations_;
};

// For --check-config: what is wrong, and whom the bridge would contact.
std::shared_ptr<void> checkLine(const LegacyLine& line);

}  // namespace ox::upgrade
