// Partition groups: members whose copies would be lost together. The planner puts no two replicas
// of one partition into the same group.
//
// Threads:   immutable values.
// Source:    the element <partition-group> of hazelcast.xml; the user's document on custom
//            partitioning: with CUSTOM a member that no group names holds no partitions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/address_pattern.h"
#include "types.h"

namespace ox::grid {

struct PartitionGroups {
  enum class Kind : std::uint8_t { kPerMember, kHostAware, kCustom };
  Kind kind = Kind::kPerMember;
  std::vector<std::vector<config::AddressPattern>> patterns;  // kCustom: one list per group

  // Name of the member's group; none = it holds no partitions (kCustom, matched by no pattern).
  // The first group that matches counts.
  std::optional<std::string> groupOf(const Member& member) const;
  // The same text for the same groups, e.g. "CUSTOM [10.0.0.*] [10.0.1.1, 10.0.1.2]": what two
  // members compare when they join, and what logs show.
  std::string text() const;
};

}  // namespace ox::grid
