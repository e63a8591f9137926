// Stopping a member: how it leaves its cluster, and when that would be safe.
#include "engine_impl.h"

namespace ox::grid {

PlanSettings Engine::Impl::planning() const {
  PlanSettings settings;
  settings.backupCopies = config.maps->maxCopies();
  settings.perMember = kMigrationsPerMember;
  if (config.partitionGroup.kind != PartitionGroups::Kind::kPerMember)
    settings.groupOf = [groups = config.partitionGroup](const Member& m) {
      return groups.groupOf(m);
    };
  return settings;
}

bool Engine::Impl::leaveCluster() {
  std::unique_lock lock(mutex);
  control->post([this, unbounded = withoutBound] {
    if (core) core->leave(unbounded);
  });
  if (withoutBound) {
    leftChanged.wait(lock, [this] { return hasLeft; });
    return true;
  }
  // The core gives up by itself at leaveMillis; the rest is for a machine that stands still.
  return leftChanged.wait_for(lock, std::chrono::milliseconds(config.leaveMillis + 1000),
                              [this] { return hasLeft; });
}

bool Engine::stop() {
  if (!impl_->running) return true;
  const bool left = impl_->leaveCluster();
  impl_->shut(!left);
  return left;
}

bool Engine::safeWithoutMe() const {
  const ViewPtr view = impl_->currentView();
  if (!view) return false;  // looking for a cluster: what it holds is nowhere else yet
  const Member* self = view->find(impl_->id);
  if (self == nullptr) return false;
  if (self->lite) return true;
  ClusterView without = *view;
  if (!isLeaving(without, self->id)) without.leaving.push_back(impl_->id);
  const PlanSettings settings = impl_->planning();
  return copiesPossible(without, settings) >= settings.backupCopies + 1;
}

void Engine::handOverWithoutBound() {
  std::lock_guard lock(impl_->mutex);
  impl_->withoutBound = true;
}

}  // namespace ox::grid
