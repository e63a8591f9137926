// Checks of a settled cluster, as pure functions over views. Empty answer = sound.
#pragma once

#include <string>
#include <vector>

#include "membership/cluster_view.h"

namespace ox::sim {

struct SeenBy {
  grid::Member member;  // who holds the view
  grid::ViewPtr view;   // null = not joined
};

// All living members hold the same view and it lists exactly them.
std::string checkOneCluster(const std::vector<SeenBy>& members);
// Every partition is owned, has its wanted copies, nothing moves.
// `hostGroups`: no two copies on one host.
std::string checkPartitions(const grid::ClusterView& view, int backups, bool hostGroups = false);
// Owners differ by at most one between members, replicas by at most two.
std::string checkBalance(const grid::ClusterView& view);
// Replica places that changed hands between the views do not exceed the newcomers' share.
std::string checkFewestMoves(const grid::ClusterView& before, const grid::ClusterView& after);

}  // namespace ox::sim
