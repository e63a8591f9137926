// The judge of reads from a replica, apart from the load, so that a test can show it bad ones.
#pragma once

#include <cstdint>
#include <string>

namespace ox::sim {

// What is wrong with taking a replica that has come to `replica`, when the change `answered` had been answered
// before the read began; empty = nothing.
std::string judgeReplica(std::int64_t replica, std::int64_t answered);

}  // namespace ox::sim
