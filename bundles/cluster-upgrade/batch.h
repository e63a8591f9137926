// Batch: cache events that travel together, in the form that the older nodes understand.
//
// Purpose:   Collector takes local events, leaves out what the line cannot be told, drops repetitions.
// Threads:   pure; the owner locks.
// Bounds:    kMaxBatchKeys wait; what is beyond is refused, and the caller reports it.
// Source:    the original forwards local invalidations with keys of the regions OXDBPoolCache and
//            Context only; by the callable only those of OXDBPoolCache (its receiver drops the contexts
//            of a schema itself).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "line.h"
#include "services/cache_events.h"

namespace ox::upgrade {

inline constexpr std::size_t kMaxBatchKeys = 100'000;

struct Batch {
  std::vector<services::CacheKey> schemas;   // {pool id, {schema}}
  std::vector<services::CacheKey> contexts;  // {context id, {}} or {-1, {login info}}
  bool empty() const { return schemas.empty() && contexts.empty(); }
  // "schemas oxdb_5 (pool 3); contexts 1, 2 and 40 more": at most `most` of each kind are named.
  std::string text(std::size_t most) const;
  // Of one region and so many keys at most each, as a topic line is sent them.
  std::vector<services::CacheEvent> events(std::size_t keysOfOne) const;
  std::vector<std::pair<std::int32_t, std::string>> pairs() const;
};

class Collector {
 public:
  explicit Collector(Mechanism mechanism) : mechanism_(mechanism) {}
  enum class Taken : std::uint8_t {
    kSkipped,  // not for the older cluster
    kTaken,
    kFull,     // some keys found no room
  };
  // Strange keys are counted in `strange`.
  Taken add(const services::CacheEvent& event, std::size_t& strange);
  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.schemas.size() + waiting_.contexts.size(); }
  Batch take();

 private:
  const Mechanism mechanism_;
  Batch waiting_;
  std::set<std::pair<std::int32_t, std::string>> seenSchemas_, seenContexts_;
};

}  // namespace ox::upgrade
