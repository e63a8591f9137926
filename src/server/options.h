// Command line of the daemon: open-xchange [--etc DIR] [--check-config] [--version] [--pidfile FILE]
// [--bundles DIR]
//
// Threads: plain values. Errors: one sentence; main() prints it with the usage and exits with 2.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace ox::server {

inline constexpr const char* kDefaultEtc = "/opt/open-xchange/etc";

struct Options {
  std::string etc = kDefaultEtc;
  std::string pidFile;  // empty = none
  std::string bundles;  // directory; empty = beside the program, see findBundles()
  bool checkConfig = false;
  bool version = false;
  bool help = false;
};

Result<Options> parseOptions(const std::vector<std::string>& words);
std::string usage();

// Directory of the bundles for a daemon at `executable` (a real path): the first that exists of
// bundles/ beside it, ../../bundles (build tree), ../lib/bundles, and the installed
// place.
std::string findBundles(const std::string& executable);

}  // namespace ox::server
