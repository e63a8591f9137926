#include "partition/planner.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

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

}  // namespace

bool isLeaving(const ClusterView& view, const MemberId& member) {
  return std::find(view.leaving.begin(), view.leaving.end(), member) != view.leaving.end();
}

std::optional<std::string> groupOf(const Member& member, const PlanSettings& settings) {
  if (member.lite) return std::nullopt;
  return settings.groupOf ? settings.groupOf(member) : member.id.toString();
}

std::vector<MemberId> holders(const ClusterView& view, const PlanSettings& settings) {
  std::vector<MemberId> list;
  for (const Member& m : view.members)
    if (!m.lite && !isLeaving(view, m.id) && (!settings.groupOf || settings.groupOf(m)))
      list.push_back(m.id);
  return list;
}

int copiesPossible(const ClusterView& view, const PlanSettings& settings) {
  std::unordered_set<std::string> groups;
  int members = 0;
  for (const Member& m : view.members) {
    if (m.lite || isLeaving(view, m.id)) continue;
    ++members;
    if (!settings.groupOf) continue;
    if (const auto group = settings.groupOf(m)) groups.insert(*group);
  }
  const int most = settings.groupOf ? static_cast<int>(groups.size()) : members;
  return std::min({most, settings.backupCopies + 1, kMaxReplicas});
}

int wantedReplicas(const ClusterView& view, const PlanSettings& settings) {
  return std::max(1, copiesPossible(view, settings));
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

std::size_t fillOrphans(ClusterView& view, const PlanSettings& settings) {
  std::vector<MemberId> candidates = holders(view, settings);
  if (candidates.empty())  // better a leaving owner than none
    for (const Member& m : view.members)
      if (groupOf(m, settings)) candidates.push_back(m.id);
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

}  // namespace ox::grid
