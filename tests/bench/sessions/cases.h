// The cases of the sessions bench, one function per group; each adds its rows to the report.
//
// Threads: one, but for the callers of logins. Placement: a row says what runs where.
// Errors:  std::runtime_error (a server that fails, a wrong answer) ends the bench: it did not complete.
//          A yardstick whose own turns differ twofold makes an error row (report.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "report.h"
#include "servers.h"
#include "words.h"

namespace ox::bench {

inline constexpr int kLeft = 0, kRight = 1;

struct Context {
  std::string source, build;  // directories
  std::string dir;            // of logs and results
  bool quick = false;         // shorter, fewer: to see that it works
  Report report;
  std::unique_ptr<Servers> running;

  int rounds() const { return quick ? 2 : 5; }
  Servers& servers();  // started by the first that asks
};

void whoamiCases(Context& context);    // beside Tomcat and a bare answer
void loginCases(Context& context);     // with and without the hash of the password
void takeoverCase(Context& context);   // two nodes
void deadMemberCase(Context& context); // three nodes, one killed
void memoryCase(Context& context);     // a million sessions

}  // namespace ox::bench
