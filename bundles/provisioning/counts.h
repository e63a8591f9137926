// The counters of contexts per database, schema and file store, compared with what is there.
//
// Threads: any blocking thread. Creations and removals wait meanwhile: they take the same locks.
// Errors:  ADM-0106. Source: the original's checkCountsConsistency.
#pragma once

#include <string>
#include <vector>

#include "util_storage.h"

namespace ox::provisioning {

// Corrects what is wrong; one sentence per correction.
Result<std::vector<std::string>> checkCounts(UtilStorage& util);

}  // namespace ox::provisioning
