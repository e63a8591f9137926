// The cases of the caching bench, one function per group; each adds its rows to the report.
//
// Threads:   one, besides those that a case starts. Errors: std::runtime_error ends the bench.
// Placement: processors 0 and 1, as a row says.
#pragma once

#include <string>
#include <vector>

#include "report.h"

namespace ox::bench {

struct CachingContext {
  std::string dir;
  bool quick = false;
  Report report;
  int rounds() const { return quick ? 2 : 5; }
};

void getCases(CachingContext& context);           // cached get on two threads
void memoryCase(CachingContext& context);         // 1,000,000 entries
void invalidationCases(CachingContext& context);  // from the call to the removal on the other node
void bridgeCase(CachingContext& context);         // from a change to an older member's acknowledgement

// "memory ENTRIES": fills a region and says how much the process grew.
int memoryMain(const std::vector<std::string>& arguments);
// "cache-member [PORT]": grid, cache events and regions; until its input ends.
int cacheMemberMain(const std::vector<std::string>& arguments);

}  // namespace ox::bench
