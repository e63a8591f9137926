// What is measured, as installation.py starts it: database servers, a node, schemas, the tools.
//
// Threads: one. Units: seconds unless a name says otherwise. Errors: std::runtime_error ends the bench:
// it did not complete (a tool that failed, a task that did not run once on each schema).
#pragma once

#include <sys/types.h>

#include <string>

#include "process.h"

namespace ox::bench {

inline constexpr int kHosts = 3;   // as in installation.py
inline constexpr int kTables = 20;

struct RunResult {
  double seconds = 0;       // of the tool
  double job = 0;           // of the job itself
  double nodeSeconds = 0;   // of a processor, by the node
  double questions = 0;     // statements of everybody per schema
  int etas = 0;             // progress events between a tenth and nine tenths
  double etaFirst = 0, etaMedian = 0, etaWorst = 0;  // percent of what was left then
};
struct ClientResult {
  double seconds = 0, statements = 0;
};
struct SmallResult {
  double client = 0, task = 0, p50 = 0, p99 = 0;  // ms
  double statements = 0, nodeMillis = 0;          // per task
};
struct CheckResult {
  double seconds = 0, client = 0, schemas = 0;
};

class Installation {
 public:
  Installation(const std::string& source, const std::string& build, const std::string& logs);
  ~Installation();

  double schemas(int count);  // seconds that it took
  void bare(int count);
  // `host`: 1..kHosts, 0 = all.
  ClientResult client(int host);
  RunResult run(int parallel, int host);
  SmallResult small(int tasks, int schemas);
  CheckResult check(bool pending);
  double memoryMiB();  // of the node
  const char* placement() const {
    return inMemory_ ? "where the scheduler likes; the servers' data in memory (tmpfs)"
                     : "where the scheduler likes; the servers' data on a disk";
  }

 private:
  Child process_;
  bool inMemory_ = false;
};

}  // namespace ox::bench
