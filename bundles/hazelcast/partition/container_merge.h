// ContainerMerge: the containers of a member that joins the other half of a split, until they have
// been offered there.
//
// Threads:   one (its shard's).
// Bounds:    what the member owned; kMaxContainersMerging under way at once.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "membership/cluster_view.h"

namespace ox::grid {

struct KeptContainer {
  int partition = 0;
  std::string name;
  std::deque<Bytes> pieces;
  bool changed = false;
};

struct ContainerMerge {
  struct Count {
    std::size_t takenOver = 0, stayed = 0, refused = 0;
  };
  std::deque<KeptContainer> kept;
  ViewPtr from;  // the view that they were kept under
  std::size_t inFlight = 0;
  std::map<std::string, Count> done;  // by name, of the merge under way
};

}  // namespace ox::grid
