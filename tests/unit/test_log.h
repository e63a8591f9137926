// Watches the log during unit tests: an ERROR record outside an ExpectErrors scope is counted and
// printed, and main() then fails the program.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>

#include "base/log.h"

namespace ox::test {

inline std::atomic<int> gExpecting{0};
inline std::atomic<int> gUnexpected{0};

inline void watchLog() {
  log::setObserver([](log::Level level, std::string_view text) {
    if (level != log::Level::kError || gExpecting > 0) return;
    ++gUnexpected;
    std::fprintf(stderr, "unexpected ERROR in the log: %s\n", std::string(text).c_str());
  });
}
inline int unexpectedErrors() { return gUnexpected; }

// While it lives ERROR records are fine.
class ExpectErrors {
 public:
  ExpectErrors() { ++gExpecting; }
  ~ExpectErrors() { --gExpecting; }
};

}  // namespace ox::test
