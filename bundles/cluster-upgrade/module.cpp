// The module of one older release, which the build names: OX_RELEASE.
#include "activator.h"

namespace {

const std::shared_ptr<void> gCheck = ox::upgrade::checkLine(ox::upgrade::legacyLine(OX_RELEASE));

struct Activator final : ox::upgrade::UpgradeActivator {
  Activator() : UpgradeActivator(ox::upgrade::legacyLine(OX_RELEASE)) {}
};

}  // namespace

OX_BUNDLE("cluster-upgrade-from-" OX_RELEASE, OX_VERSION,
          "config,shards,workers,management,cache-events,grid?", "upgrade-bridge", Activator)
