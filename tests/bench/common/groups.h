// What the benches' programs have in common: their command line, the cases by groups, the last line.
//
//   <program> [--quick] [--only GROUP] OUTPUT_DIRECTORY
//
// Threads: one. Errors: a wrong command line is told on standard error with the usage (exit 2).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report.h"

namespace ox::bench {

template <typename Context>
struct Group {
  const char* name;
  void (*run)(Context&);
};

struct Wanted {
  bool quick = false;
  std::string only;  // empty = every group
  std::string dir;   // exists
};
std::optional<Wanted> parseWanted(const std::string& program,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<const char*>& groups);
// Prints the table, writes it as JSON, and says "bench: N rows, M not met".
void finish(const Report& report, const std::string& file);

template <typename Context, std::size_t N>
std::optional<Wanted> parseWanted(const std::string& program,
                                  const std::vector<std::string>& arguments,
                                  const Group<Context> (&groups)[N]) {
  std::vector<const char*> names;
  for (const auto& group : groups) names.push_back(group.name);
  return parseWanted(program, arguments, names);
}

template <typename Context, std::size_t N>
void runGroups(const Group<Context> (&groups)[N], const std::string& only, Context& context) {
  for (const auto& group : groups)
    if (only.empty() || only == group.name) group.run(context);
}

}  // namespace ox::bench
