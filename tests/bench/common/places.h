// Where a bench that starts the daemon finds it.
//
// Threads: pure functions. Errors: std::runtime_error when there is no such directory.
#pragma once

#include <string>

namespace ox::bench {

std::string absolute(const std::string& path);
// The build tree of this program: <build>/tests/bench/<bench>/<program>.
std::string buildTree();
// OX_SOURCE, or what the build tree lies in.
std::string sourceTree(const std::string& build);

}  // namespace ox::bench
