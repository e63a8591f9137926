#include "checks.h"

#include <algorithm>
#include <map>
#include <set>

namespace ox::sim {

std::string checkOneCluster(const std::vector<SeenBy>& members) {
  if (members.empty()) return "nobody is alive";
  for (const SeenBy& m : members) {
    const std::string who = m.member.address.toString();
    if (!m.view) return who + " has not joined";
    if (m.view->id != members.front().view->id)
      return who + " and " + members.front().member.address.toString() + " hold different views";
    if (m.view->members.size() != members.size())
      return who + " sees " + std::to_string(m.view->members.size()) + " members, alive are " +
             std::to_string(members.size());
    if (m.view->find(m.member.id) == nullptr) return who + " is not in its own view";
  }
  return {};
}

std::string checkPartitions(const grid::ClusterView& view, int backups, bool hostGroups) {
  if (const std::string wrong = view.validate(); !wrong.empty()) return wrong;
  if (!view.migrations.empty())
    return std::to_string(view.migrations.size()) + " migrations are still running";
  if (!view.leaving.empty()) return "somebody is still leaving";
  int full = 0;
  std::set<std::string> hosts;
  for (const grid::Member& m : view.members) {
    full += m.lite ? 0 : 1;
    if (!m.lite) hosts.insert(m.address.host);
  }
  if (hostGroups) full = static_cast<int>(hosts.size());
  const int wanted = std::min({backups + 1, full, grid::kMaxReplicas});
  for (std::size_t p = 0; hostGroups && p < view.partitions.size(); ++p) {
    std::set<std::string> used;
    for (std::size_t i = 0; i < view.partitions[p].count; ++i)
      if (!used.insert(view.find(view.partitions[p].at[i])->address.host).second)
        return "two copies of partition " + std::to_string(p) + " are on one host";
  }
  for (std::size_t p = 0; p < view.partitions.size(); ++p)
    if (view.partitions[p].count != wanted)
      return "partition " + std::to_string(p) + " has " +
             std::to_string(view.partitions[p].count) + " replicas instead of " +
             std::to_string(wanted);
  return {};
}

std::string checkBalance(const grid::ClusterView& view) {
  std::map<grid::MemberId, std::pair<int, int>> load;
  for (const grid::Member& m : view.members)
    if (!m.lite) load[m.id];
  for (const grid::Replicas& r : view.partitions)
    for (std::size_t i = 0; i < r.count; ++i) {
      if (i == 0) ++load[r.at[i]].first;
      ++load[r.at[i]].second;
    }
  if (load.empty()) return {};
  auto [lowOwned, highOwned] = std::pair(1 << 30, 0);
  auto [lowAll, highAll] = std::pair(1 << 30, 0);
  for (const auto& [_, l] : load) {
    lowOwned = std::min(lowOwned, l.first);
    highOwned = std::max(highOwned, l.first);
    lowAll = std::min(lowAll, l.second);
    highAll = std::max(highAll, l.second);
  }
  if (highOwned - lowOwned > 1)
    return "owned partitions range from " + std::to_string(lowOwned) + " to " +
           std::to_string(highOwned);
  if (highAll - lowAll > 2)
    return "replicas range from " + std::to_string(lowAll) + " to " + std::to_string(highAll);
  return {};
}

std::string checkFewestMoves(const grid::ClusterView& before, const grid::ClusterView& after) {
  std::size_t copies = 0;
  std::size_t newcomersHold = 0;
  for (std::size_t p = 0; p < after.partitions.size(); ++p)
    for (std::size_t i = 0; i < after.partitions[p].count; ++i) {
      const grid::MemberId& holder = after.partitions[p].at[i];
      if (before.partitions[p].indexOf(holder) < 0) ++copies;
      if (before.find(holder) == nullptr) ++newcomersHold;
    }
  // Ideal: only newcomers receive copies. Balance to the last partition may cost one or two more
  // per member.
  const std::size_t most = newcomersHold + 2 * after.members.size();
  if (copies > most)
    return std::to_string(copies) + " copies were made where " + std::to_string(newcomersHold) +
           " are the newcomers' share";
  return {};
}

}  // namespace ox::sim
