// The cases of the updates bench, one function per group; each adds its rows to the report.
//
// Threads: one. Placement: servers, node and client are where the scheduler likes.
// Errors:  std::runtime_error ends the bench. A yardstick whose own turns differ twofold, or that is
//          slower than this kind of machine is known for, makes an error row (report.h).
#pragma once

#include <memory>
#include <string>

#include "installation.h"
#include "report.h"
#include "words.h"

namespace ox::bench {

struct UpdatesContext {
  std::string source, build;  // directories
  std::string dir;            // of logs and results
  bool quick = false;         // fewer schemas and turns: to see that it works
  Report report;
  std::unique_ptr<Installation> running;

  int rounds() const { return quick ? 1 : 3; }
  int schemas() const { return quick ? 60 : 500; }
  int bare() const { return quick ? 300 : 5000; }
  Installation& installation();  // started, with its schemas, by the first that asks
};

void runCases(UpdatesContext& context);   // all schemas: time, ETA, memory
void taskCase(UpdatesContext& context);   // what a task costs beside its SQL
void stateCase(UpdatesContext& context);  // checkdatabase

}  // namespace ox::bench
