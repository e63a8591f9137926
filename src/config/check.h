// --check-config: reads a configuration directory and prints what is wrong with it.
//
// Rooms that know more than the files (is there an interface that matches, does a file store
// exist) add a check of their own, by registering it or by handing it in.
// Threads: registering from any thread; the checks run on the caller's.
// Format:  one line per problem, "ERROR|WARN file:line: key: what; allowed: ...", then
//          "configuration DIR: N files, E errors, W warnings".
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace ox::config {

using ExtraCheck = std::function<void(const Config& config, std::vector<Problem>& problems)>;

// In force until the handle is dropped.
[[nodiscard]] std::shared_ptr<void> registerCheck(ExtraCheck check);
// What the registered checks and `more` find, except for keys that config.problems() names
// already. The start of the daemon asks for it as well.
std::vector<Problem> runExtraChecks(const Config& config, const std::vector<ExtraCheck>& more = {});

// Exit code: 1 if there is any error, else 0.
int checkConfiguration(const std::string& etcDir, std::ostream& out,
                       const std::vector<ExtraCheck>& more = {});

}  // namespace ox::config
