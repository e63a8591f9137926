// LegacyLine: what differs between the older releases that a bridge can reach; one module each.
//
// Source: package, mechanism and names of the original's upgrade bundles. For 7.8.3 and 7.8.4 the
// mechanism is not documented: their nodes lack the callable (it came with 7.10.0), so the topic.
#pragma once

#include <string>
#include <vector>

#include "hzclient/wire.h"

namespace ox::upgrade {

enum class Mechanism {
  kTopic,     // cache events on "cacheEvents-3": schemas and contexts
  kCallable,  // a task on every member's executor "default": schemas, and by them their contexts
};

struct LegacyLine {
  std::string release;  // "7103-7104": the package is cluster-upgrade-from-7103-7104
  std::string bundle;   // of the original, below com.openexchange.hazelcast
  hzclient::Protocol protocol = hzclient::Protocol::kCp2;
  Mechanism mechanism = Mechanism::kCallable;
  // Added to com.openexchange.hazelcast.group.name, tried in this order. Up to 7.10.1 nothing is
  // added, in 7.10.2 by configuration, from 7.10.3 on always (unless a licence key is set).
  std::vector<std::string> suffixes;
  bool password = false;  // the older cluster may ask for one

  std::string bundleName() const { return "com.openexchange.hazelcast." + bundle; }
  std::string package() const { return "cluster-upgrade-from-" + release; }
};

// In the order of services::kUpgradeReleases.
const std::vector<LegacyLine>& legacyLines();
const LegacyLine& legacyLine(const std::string& release);  // that there is

}  // namespace ox::upgrade
