// UpgradeBridge: keeps the nodes of an older cluster informed during a rolling upgrade. Each bundle
// cluster-upgrade-from-* offers one as "upgrade-bridge" (several may be installed).
//
// Purpose:   whoever changed schemas can wait for the old nodes to know, and tell what they do not.
// Threads:   any; settle() blocks.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ox::services {

// As in the names of the packages.
inline constexpr std::array<const char*, 8> kUpgradeReleases = {
    "76x", "780-782", "783", "784", "7100-7101", "7102", "7103-7104", "7105"};

class UpgradeBridge {
 public:
  virtual ~UpgradeBridge() = default;
  virtual std::string name() const = 0;  // of its package
  // The number that the next undelivered invalidation will have: to be taken before a change.
  virtual std::uint64_t mark() const = 0;
  // Waits until everything that was published has been delivered or given up, at most so long. One
  // sentence for each invalidation since the mark that the older cluster was not told, or that is
  // still on its way; the same one once.
  virtual std::vector<std::string> settle(std::uint64_t mark, std::int64_t maxMillis) = 0;
};

}  // namespace ox::services
