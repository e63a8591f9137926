// caching_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <cstdio>
#include <stdexcept>

#include "../grid/yardsticks.h"
#include "cases.h"
#include "groups.h"

namespace ox::bench {
namespace {

constexpr Group<CachingContext> kGroups[] = {
    {"get", getCases}, {"memory", memoryCase}, {"invalidation", invalidationCases},
    {"bridge", bridgeCase}};

int bench(const std::vector<std::string>& arguments) {
  const auto wanted = parseWanted("caching_bench", arguments, kGroups);
  if (!wanted) return 2;
  CachingContext context;
  context.quick = wanted->quick;
  context.dir = wanted->dir;
  std::remove((context.dir + "/caching-members.log").c_str());
  runGroups(kGroups, wanted->only, context);
  finish(context.report, context.dir + "/caching.json");
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
