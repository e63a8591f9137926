// Planner: which replica goes where. Pure functions over a view that is being made.
//
// Purpose: the master calls them each time it makes a view: first what must happen at once
//          (dead members out, orphans, trimming), then which migrations to order next.
// Threads: none; no state, no time, no randomness: the same input gives the same plan.
// Order:   missing backups first, then what leaving members hold, then two replicas in one group,
//          then balance; each with the fewest copies. At most one migration per partition, and
//          `perMember` per member counted as source (owner) or target.
// Balance: owned partitions differ by at most one; so do replicas where the groups allow it (a
//          group holds each partition at most once, so its members share at most one table).
// Files:   planner.cpp what happens at once, planner_moves.cpp what to order.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "membership/cluster_view.h"

namespace ox::grid {

// Name of the member's partition group (partition_groups.h); none = it holds no partitions. An
// empty function: every member is a group of its own.
using GroupOf = std::function<std::optional<std::string>(const Member&)>;

struct PlanSettings {
  int backupCopies = 1;  // replicas beside the owner, if there are members and groups enough
  int perMember = 8;     // migrations at once
  GroupOf groupOf = {};  // no two replicas of a partition are in the same group
};

std::optional<std::string> groupOf(const Member& member, const PlanSettings& settings);
// Members that can hold partitions and want to stay.
std::vector<MemberId> holders(const ClusterView& view, const PlanSettings& settings = {});
bool isLeaving(const ClusterView& view, const MemberId& member);
// Copies of each partition, of those configured, that the staying members and groups can hold;
// 0 = there is no full member.
int copiesPossible(const ClusterView& view, const PlanSettings& settings);
// The same, but the owner is always wanted.
int wantedReplicas(const ClusterView& view, const PlanSettings& settings);
// Does the member stand in any replica list or migration?
bool holdsNothing(const ClusterView& view, const MemberId& member);

// Removes the members everywhere; the next replica moves up. Partitions that lost all replicas
// stay empty (see fillOrphans). Migrations that involve them, or whose partition changed, end.
void removeMembers(ClusterView& view, const std::vector<MemberId>& gone);
// Gives partitions without replicas to the members that own least. Returns how many.
std::size_t fillOrphans(ClusterView& view, const PlanSettings& settings = {});
// Drops surplus replicas (never the owner; leaving members first). True when something changed.
bool trim(ClusterView& view, const PlanSettings& settings);
// Ends migrations whose target is leaving or gone, or that have become senseless.
bool pruneMigrations(ClusterView& view);
// A migration has been executed: the target takes its place. False when it is not in the view.
bool applyMigration(ClusterView& view, const Migration& done, const PlanSettings& settings);
// Further migrations to order now (not yet added to the view).
std::vector<Migration> plan(const ClusterView& view, const PlanSettings& settings);

}  // namespace ox::grid
