#include "map/map_config.h"

#include <cctype>

namespace ox::grid {
namespace {
struct PolicyName {
  const char* ours;
  const char* original;  // class of com.hazelcast.spi.merge
  const char* older;     // class of com.hazelcast.map.merge (3.x)
  MergePolicy policy;
};
constexpr PolicyName kPolicies[] = {
    {"latest-update", "latestupdatemergepolicy", "latestupdatemapmergepolicy",
     MergePolicy::kLatestUpdate},
    {"put-if-absent", "putifabsentmergepolicy", "putifabsentmapmergepolicy",
     MergePolicy::kPutIfAbsent},
    {"higher-hits", "higherhitsmergepolicy", "higherhitsmapmergepolicy", MergePolicy::kHigherHits},
    {"pass-through", "passthroughmergepolicy", "passthroughmergepolicy",
     MergePolicy::kPassThrough},
    {"discard", "discardmergepolicy", "discardmergepolicy", MergePolicy::kDiscard},
    {"higher-number", "higher-number", "higher-number", MergePolicy::kHigherNumber},
};
}  // namespace

std::optional<MergePolicy> mergePolicyByName(const std::string& name) {
  std::string text;
  for (const unsigned char c : name) text.push_back(static_cast<char>(std::tolower(c)));
  for (const char* package : {"com.hazelcast.spi.merge.", "com.hazelcast.map.merge."})
    if (text.starts_with(package)) text.erase(0, std::string(package).size());
  for (const auto& p : kPolicies)
    if (text == p.ours || text == p.original || text == p.older) return p.policy;
  return std::nullopt;
}

MapConfig MapConfigs::of(const std::string& name) const {
  const auto it = byName_.find(name);
  if (it != byName_.end()) return it->second;
  const MapConfig* best = &defaults_;
  std::pair<std::size_t, std::size_t> most;  // characters matched, in all and before the star
  for (const auto& [pattern, config] : patterns_) {
    const std::size_t star = pattern.find('*');
    const std::string_view head = std::string_view(pattern).substr(0, star);
    const std::string_view tail = std::string_view(pattern).substr(star + 1);
    if (name.size() < head.size() + tail.size() || !name.starts_with(head) ||
        !name.ends_with(tail))
      continue;
    const std::pair matched{head.size() + tail.size(), head.size()};
    if (best != &defaults_ && matched <= most) continue;
    best = &config;
    most = matched;
  }
  MapConfig config = *best;
  config.name = name;
  return config;
}

const char* nameOf(MergePolicy policy) {
  for (const auto& p : kPolicies)
    if (p.policy == policy) return p.ours;
  return "?";
}

}  // namespace ox::grid
