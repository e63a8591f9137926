// One node's sessions in a process of its own, told by lines what to do (process.h): SessionCore,
// SessionRecords and the grid's engine as the bundles put them together, without HTTP and database.
//
// Threads: commands run on the main thread.
#pragma once

#include <string>
#include <vector>

namespace ox::bench {

// "store [--node PORT]..."; until its input ends. Commands: wait MEMBERS | reserve COUNT | admit FIRST (so many
// sessions, kept here and not stored) | store (all of them) | look-up ALL (builds the indexes) | memory.
int storeMain(const std::vector<std::string>& arguments);

}  // namespace ox::bench
