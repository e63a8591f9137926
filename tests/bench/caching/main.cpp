// caching_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <sys/stat.h>

#include <cstdio>
#include <stdexcept>

#include "../grid/yardsticks.h"
#include "cases.h"

namespace ox::bench {
namespace {

struct Group {
  const char* name;
  void (*run)(CachingContext&);
};
constexpr Group kGroups[] = {
    {"get", getCases}, {"memory", memoryCase}, {"invalidation", invalidationCases},
    {"bridge", bridgeCase}};

int bench(const std::vector<std::string>& arguments) {
  CachingContext context;
  std::string only, wrong;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--quick") context.quick = true;
    else if (arguments[i] == "--only" && i + 1 < arguments.size()) only = arguments[++i];
    else if (arguments[i].starts_with("-")) wrong = "unknown option or missing value: " + arguments[i];
    else if (!context.dir.empty()) wrong = "more than one output directory: " + arguments[i];
    else context.dir = arguments[i];
  }
  const auto* group = std::begin(kGroups);
  while (!only.empty() && group != std::end(kGroups) && only != group->name) ++group;
  if (group == std::end(kGroups)) wrong = "unknown group: " + only;
  else if (context.dir.empty() && wrong.empty()) wrong = "no output directory given";
  if (!wrong.empty()) {
    std::fprintf(stderr, "caching_bench: %s\nusage: caching_bench [--quick] [--only GROUP] "
                         "OUTPUT_DIRECTORY; groups:", wrong.c_str());
    for (const Group& g : kGroups) std::fprintf(stderr, " %s", g.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  mkdir(context.dir.c_str(), 0755);
  std::remove((context.dir + "/caching-members.log").c_str());
  for (const Group& g : kGroups)
    if (only.empty() || only == g.name) g.run(context);
  context.report.print();
  if (!context.report.write(context.dir + "/caching.json"))
    throw std::runtime_error("cannot write " + context.dir + "/caching.json");
  std::printf("bench: %zu rows, %zu not met\n", context.report.rows(), context.report.notMet());
  return 0;
}

}  // namespace
}  // namespace ox::bench

int main(int argc, char** argv) {
  using namespace ox::bench;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string role = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  try {
    if (role == "memory") return memoryMain(rest);
    if (role == "cache-member") return cacheMemberMain(rest);
    if (role == "echo" && arguments.size() == 3)
      return echoServer({std::stoul(arguments[1]), std::stoul(arguments[2])});
    return bench(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench failed: %s\n", e.what());
    return 1;
  }
}
