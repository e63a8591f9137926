#include "partition_groups.h"

namespace ox::grid {

std::optional<std::string> PartitionGroups::groupOf(const Member& member) const {
  switch (kind) {
    case Kind::kPerMember: return member.id.toString();
    case Kind::kHostAware: return member.address.host;
    case Kind::kCustom: break;
  }
  for (std::size_t i = 0; i < patterns.size(); ++i)
    if (config::matchesAny(patterns[i], member.address.host)) return "group-" + std::to_string(i + 1);
  return std::nullopt;
}

std::string PartitionGroups::text() const {
  if (kind == Kind::kPerMember) return "PER_MEMBER";
  if (kind == Kind::kHostAware) return "HOST_AWARE";
  std::string out = "CUSTOM";
  for (const auto& group : patterns) {
    out += " [";
    for (std::size_t i = 0; i < group.size(); ++i) out += (i == 0 ? "" : ", ") + group[i].text();
    out += "]";
  }
  return out;
}

}  // namespace ox::grid
