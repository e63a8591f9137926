#include "groups.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace ox::bench {

std::optional<Wanted> parseWanted(const std::string& program,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<const char*>& groups) {
  Wanted out;
  std::string wrong;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--quick") out.quick = true;
    else if (arguments[i] == "--only" && i + 1 < arguments.size()) out.only = arguments[++i];
    else if (arguments[i].starts_with("-")) wrong = "unknown option or missing value: " + arguments[i];
    else if (!out.dir.empty()) wrong = "more than one output directory: " + arguments[i];
    else out.dir = arguments[i];
  }
  if (!out.only.empty() && std::find(groups.begin(), groups.end(), out.only) == groups.end())
    wrong = "unknown group: " + out.only;
  else if (out.dir.empty() && wrong.empty()) wrong = "no output directory given";
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s: %s\nusage: %s [--quick] [--only GROUP] OUTPUT_DIRECTORY; groups:",
                 program.c_str(), wrong.c_str(), program.c_str());
    for (const char* group : groups) std::fprintf(stderr, " %s", group);
    std::fprintf(stderr, "\n");
    return std::nullopt;
  }
  mkdir(out.dir.c_str(), 0755);
  return out;
}

void finish(const Report& report, const std::string& file) {
  report.print();
  if (!report.write(file)) throw std::runtime_error("cannot write " + file);
  std::printf("bench: %zu rows, %zu not met\n", report.rows(), report.notMet());
}

}  // namespace ox::bench
