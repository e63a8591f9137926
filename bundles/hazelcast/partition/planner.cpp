#include "partition/planner.h"

#include <algorithm>
#include <unordered_map>

namespace ox::grid {
namespace {

void erase(Replicas& r, int index) {
  for (int i = index; i + 1 < r.count; ++i)
    r.at[static_cast<std::size_t>(i)] = r.at[static_cast<std::size_t>(i) + 1];
  r.at[--r.count] = MemberId{};
}

void insert(Replicas& r, int index, const MemberId& member) {
  if (r.count == kMaxReplicas) erase(r, r.count - 1);
  index = std::min<int>(index, r.count);
  for (int i = r.count; i > index; --i)
    r.at[static_cast<std::size_t>(i)] = r.at[static_cast<std::size_t>(i) - 1];
  r.at[static_cast<std::size_t>(index)] = member;
  ++r.count;
}

// The replica list after the migration, without trimming.
void place(Replicas& r, const Migration& m) {
  const MemberId dropped = m.dropIndex < r.count ? r.at[m.dropIndex] : MemberId{};
  if (const int already = r.indexOf(m.target); already >= 0) erase(r, already);
  insert(r, m.replicaIndex, m.target);
  if (const int index = r.indexOf(dropped); dropped.valid() && dropped != m.target && index >= 0)
    erase(r, index);
}

// Drops surplus of one list: leaving backups first (from the end), then the last one.
bool trimOne(Replicas& r, const ClusterView& view, int wanted) {
  bool changed = false;
  while (r.count > std::max(wanted, 1)) {
    int victim = r.count - 1;
    for (int i = r.count - 1; i > 0; --i)
      if (isLeaving(view, r.at[static_cast<std::size_t>(i)])) {
        victim = i;
        break;
      }
    erase(r, victim);
    changed = true;
  }
  return changed;
}

// One planning run: the table as it will be when everything ordered so far has arrived.
class Plan {
 public:
  Plan(const ClusterView& view, const PlanSettings& settings)
      : view_(view),
        settings_(settings),
        wanted_(wantedReplicas(view, settings)),
        stayers_(holders(view)),
        future_(view.partitions),
        moving_(view.partitions.size()) {
    for (const MemberId& id : stayers_) load_[id];
    for (const Migration& m : view.migrations) {
      moving_[m.partition] = true;
      ++load_[view.partitions[m.partition].at[0]].busy;
      ++load_[m.target].busy;
      place(future_[m.partition], m);
      trimOne(future_[m.partition], view, wanted_);
    }
    for (const Replicas& r : future_)
      for (int i = 0; i < r.count; ++i) {
        ++load_[r.at[static_cast<std::size_t>(i)]].replicas;
        if (i == 0) ++load_[r.at[0]].owned;
      }
  }

  std::vector<Migration> run() {
    if (stayers_.empty()) return {};
    missingBackups();
    leavingReplicas();
    if (urgentLeft_) return std::move(orders_);  // balance when nothing more important waits
    balanceOwners();
    balanceBackups();
    return std::move(orders_);
  }

 private:
  struct Load {
    int owned = 0;
    int replicas = 0;
    int busy = 0;
    int backups() const { return replicas - owned; }
  };

  int partitionCount() const { return static_cast<int>(future_.size()); }
  bool free(const MemberId& id) { return load_[id].busy < settings_.perMember; }
  bool roomForMore() const {
    return view_.migrations.size() + orders_.size() < ClusterView::kMaxMigrations;
  }

  void order(int partition, const MemberId& target, int index, int drop) {
    Migration m;
    m.partition = static_cast<std::uint16_t>(partition);
    m.target = target;
    m.becomesOwner = index == 0;
    m.replicaIndex = static_cast<std::uint8_t>(index);
    m.dropIndex = static_cast<std::uint8_t>(drop);
    Replicas& r = future_[static_cast<std::size_t>(partition)];
    ++load_[r.at[0]].busy;
    ++load_[target].busy;
    count(r, -1);
    place(r, m);
    trimOne(r, view_, wanted_);
    count(r, 1);
    moving_[static_cast<std::size_t>(partition)] = true;
    orders_.push_back(m);
  }

  void count(const Replicas& r, int sign) {
    for (int i = 0; i < r.count; ++i) load_[r.at[static_cast<std::size_t>(i)]].replicas += sign;
    if (r.count > 0) load_[r.at[0]].owned += sign;
  }

  // Free staying member outside the list with the fewest replicas; invalid id = none.
  MemberId lightestOutside(const Replicas& r, bool mustBeFree) {
    MemberId best;
    for (const MemberId& id : stayers_) {
      if (r.indexOf(id) >= 0 || (mustBeFree && !free(id))) continue;
      if (!best.valid() || load_[id].replicas < load_[best].replicas) best = id;
    }
    return best;
  }

  int staying(const Replicas& r) const {
    int n = 0;
    for (int i = 0; i < r.count; ++i)
      if (!isLeaving(view_, r.at[static_cast<std::size_t>(i)])) ++n;
    return n;
  }

  // Partitions with the fewest copies first: they are one crash away from being lost.
  void missingBackups() {
    for (int copies = 1; copies < wanted_; ++copies)
      for (int p = 0; p < partitionCount() && roomForMore(); ++p) {
        const Replicas& r = future_[static_cast<std::size_t>(p)];
        if (moving_[static_cast<std::size_t>(p)] || r.count != copies) continue;
        if (isLeaving(view_, r.at[0])) continue;  // its ownership moves first: that adds a copy
        const MemberId target = lightestOutside(r, true);
        if (!target.valid() || !free(r.at[0])) {
          urgentLeft_ = urgentLeft_ || lightestOutside(r, false).valid();
          continue;
        }
        order(p, target, r.count, 255);
      }
  }

  void leavingReplicas() {
    if (view_.leaving.empty()) return;
    for (int p = 0; p < partitionCount() && roomForMore(); ++p) {
      const Replicas& r = future_[static_cast<std::size_t>(p)];
      if (r.count == 0 || staying(r) == r.count) continue;
      urgentLeft_ = true;
      if (moving_[static_cast<std::size_t>(p)] || !free(r.at[0])) continue;
      if (isLeaving(view_, r.at[0])) {
        moveOwnershipAway(p);
        continue;
      }
      for (int i = 1; i < r.count; ++i) {
        if (!isLeaving(view_, r.at[static_cast<std::size_t>(i)])) continue;
        if (const MemberId target = lightestOutside(r, true); target.valid())
          order(p, target, i, i);
        break;
      }
    }
  }

  // A backup that stays takes over (its copy is there already), else the lightest newcomer.
  void moveOwnershipAway(int p) {
    const Replicas& r = future_[static_cast<std::size_t>(p)];
    MemberId target;
    for (int i = 1; i < r.count; ++i) {
      const MemberId& id = r.at[static_cast<std::size_t>(i)];
      if (isLeaving(view_, id) || !free(id)) continue;
      if (!target.valid() || load_[id].owned < load_[target].owned) target = id;
    }
    if (!target.valid() && staying(r) == 0) target = lightestOutside(r, true);
    if (target.valid()) order(p, target, 0, 255);
  }

  // With the exact shares known, only moves from above to below happen: the fewest possible.
  static bool worth(int from, int to, int low, int high) {
    return (from > high && to < high) || (from > low && to < low);
  }

  void balanceOwners() {
    const int n = static_cast<int>(stayers_.size());
    const int low = partitionCount() / n;
    const int high = low + (partitionCount() % n != 0 ? 1 : 0);
    for (bool moved = true; moved && roomForMore();) {
      moved = false;
      std::vector<MemberId> byOwned = stayers_;
      std::stable_sort(byOwned.begin(), byOwned.end(), [&](const MemberId& a, const MemberId& b) {
        return load_[a].owned < load_[b].owned;
      });
      for (auto from = byOwned.rbegin(); from != byOwned.rend() && !moved; ++from)
        for (const MemberId& to : byOwned) {
          if (!worth(load_[*from].owned, load_[to].owned, low, high)) continue;
          if (!free(*from) || !free(to)) continue;
          if ((moved = moveOwner(*from, to))) break;
        }
    }
  }

  bool moveOwner(const MemberId& from, const MemberId& to) {
    int best = -1;
    int bestDrop = 255;
    int bestCost = 1 << 30;
    for (int p = 0; p < partitionCount(); ++p) {
      const Replicas& r = future_[static_cast<std::size_t>(p)];
      if (moving_[static_cast<std::size_t>(p)] || r.count == 0 || r.at[0] != from) continue;
      int drop = 255;
      int cost = -(1 << 20);  // `to` is a backup already: they change places, nothing is added
      if (r.indexOf(to) < 0) {
        if (r.count >= wanted_) drop = heaviest(r);
        cost = drop == 255 ? 0 : -load_[r.at[static_cast<std::size_t>(drop)]].replicas;
      }
      if (cost < bestCost) {
        bestCost = cost;
        best = p;
        bestDrop = drop;
      }
    }
    if (best < 0) return false;
    order(best, to, 0, bestDrop);
    return true;
  }

  int heaviest(const Replicas& r) {
    int worst = 0;
    for (int i = 1; i < r.count; ++i)
      if (load_[r.at[static_cast<std::size_t>(i)]].replicas >
          load_[r.at[static_cast<std::size_t>(worst)]].replicas)
        worst = i;
    return worst;
  }

  void balanceBackups() {
    if (wanted_ < 2) return;
    const int n = static_cast<int>(stayers_.size());
    int total = 0;
    for (const MemberId& id : stayers_) total += load_[id].replicas;
    const int low = total / n;
    const int high = low + (total % n != 0 ? 1 : 0);
    while (roomForMore() && moveBackup(low, high)) {
    }
  }

  // The move between the heaviest and the lightest that is possible; none while only the middle
  // could move because the lightest is busy (such moves would be done twice).
  bool moveBackup(int low, int high) {
    const MemberId lightest = *std::min_element(
        stayers_.begin(), stayers_.end(), [&](const MemberId& a, const MemberId& b) {
          return load_[a].replicas < load_[b].replicas;
        });
    if (load_[lightest].replicas < low && !free(lightest)) return false;
    int best = -1;
    int bestIndex = 0;
    int bestGap = 0;
    MemberId bestTarget;
    for (int p = 0; p < partitionCount(); ++p) {
      const Replicas& r = future_[static_cast<std::size_t>(p)];
      if (moving_[static_cast<std::size_t>(p)] || r.count < 2 || !free(r.at[0])) continue;
      const MemberId to = lightestOutside(r, true);
      if (!to.valid()) continue;
      for (int i = 1; i < r.count; ++i) {
        const int from = load_[r.at[static_cast<std::size_t>(i)]].replicas;
        const int gap = from - load_[to].replicas;
        if (gap <= bestGap || !worth(from, load_[to].replicas, low, high)) continue;
        best = p;
        bestIndex = i;
        bestGap = gap;
        bestTarget = to;
      }
    }
    if (best < 0) return false;
    order(best, bestTarget, bestIndex, bestIndex);
    return true;
  }

  const ClusterView& view_;
  const PlanSettings& settings_;
  const int wanted_;
  const std::vector<MemberId> stayers_;
  std::vector<Replicas> future_;
  std::vector<bool> moving_;
  std::unordered_map<MemberId, Load> load_;
  std::vector<Migration> orders_;
  bool urgentLeft_ = false;  // restoring or leaving work that did not fit now
};

}  // namespace

bool isLeaving(const ClusterView& view, const MemberId& member) {
  return std::find(view.leaving.begin(), view.leaving.end(), member) != view.leaving.end();
}

std::vector<MemberId> holders(const ClusterView& view) {
  std::vector<MemberId> list;
  for (const Member& m : view.members)
    if (!m.lite && !isLeaving(view, m.id)) list.push_back(m.id);
  return list;
}

int wantedReplicas(const ClusterView& view, const PlanSettings& settings) {
  const int most = std::max<int>(1, static_cast<int>(holders(view).size()));
  return std::clamp(settings.backupCopies + 1, 1, std::min(most, kMaxReplicas));
}

bool holdsNothing(const ClusterView& view, const MemberId& member) {
  for (const Replicas& r : view.partitions)
    if (r.indexOf(member) >= 0) return false;
  for (const Migration& m : view.migrations)
    if (m.target == member) return false;
  return true;
}

void removeMembers(ClusterView& view, const std::vector<MemberId>& gone) {
  const auto isGone = [&](const MemberId& id) {
    return std::find(gone.begin(), gone.end(), id) != gone.end();
  };
  std::erase_if(view.members, [&](const Member& m) { return isGone(m.id); });
  std::erase_if(view.leaving, isGone);
  std::vector<bool> changed(view.partitions.size());
  for (std::size_t p = 0; p < view.partitions.size(); ++p) {
    Replicas& r = view.partitions[p];
    for (int i = r.count - 1; i >= 0; --i)
      if (isGone(r.at[static_cast<std::size_t>(i)])) {
        erase(r, i);
        changed[p] = true;
      }
  }
  std::erase_if(view.migrations,
                [&](const Migration& m) { return isGone(m.target) || changed[m.partition]; });
}

std::size_t fillOrphans(ClusterView& view) {
  std::vector<MemberId> candidates = holders(view);
  if (candidates.empty())  // better a leaving owner than none
    for (const Member& m : view.members)
      if (!m.lite) candidates.push_back(m.id);
  if (candidates.empty()) return 0;
  std::unordered_map<MemberId, int> owned;
  for (const Replicas& r : view.partitions)
    if (r.count > 0) ++owned[r.at[0]];
  std::size_t filled = 0;
  for (Replicas& r : view.partitions) {
    if (r.count > 0) continue;
    MemberId best = candidates.front();
    for (const MemberId& id : candidates)
      if (owned[id] < owned[best]) best = id;
    r.at[0] = best;
    r.count = 1;
    ++owned[best];
    ++filled;
  }
  return filled;
}

bool trim(ClusterView& view, const PlanSettings& settings) {
  const int wanted = wantedReplicas(view, settings);
  std::vector<bool> moving(view.partitions.size());
  for (const Migration& m : view.migrations) moving[m.partition] = true;
  bool changed = false;
  for (std::size_t p = 0; p < view.partitions.size(); ++p)
    if (!moving[p] && trimOne(view.partitions[p], view, wanted)) changed = true;
  return changed;
}

bool pruneMigrations(ClusterView& view) {
  return std::erase_if(view.migrations, [&](const Migration& m) {
           const Member* target = view.find(m.target);
           return target == nullptr || target->lite || isLeaving(view, m.target) ||
                  m.partition >= view.partitions.size() ||
                  view.partitions[m.partition].count == 0;
         }) > 0;
}

bool applyMigration(ClusterView& view, const Migration& done, const PlanSettings& settings) {
  const auto found = std::find(view.migrations.begin(), view.migrations.end(), done);
  if (found == view.migrations.end()) return false;
  view.migrations.erase(found);
  Replicas& r = view.partitions[done.partition];
  place(r, done);
  trimOne(r, view, wantedReplicas(view, settings));
  return true;
}

std::vector<Migration> plan(const ClusterView& view, const PlanSettings& settings) {
  return Plan(view, settings).run();
}

}  // namespace ox::grid
