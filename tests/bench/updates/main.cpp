// updates_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <cstdio>
#include <stdexcept>

#include "cases.h"
#include "groups.h"
#include "places.h"

namespace ox::bench {

Installation& UpdatesContext::installation() {
  if (!running) {
    running = std::make_unique<Installation>(source, build, dir);
    const double seconds = running->schemas(schemas());
    std::printf("%d schemas of %d tables on %d servers made in %.0f s\n", schemas(), kTables, kHosts,
                seconds);
    std::fflush(stdout);
  }
  return *running;
}

namespace {

constexpr Group<UpdatesContext> kGroups[] = {{"runs", runCases}, {"tasks", taskCase}, {"state", stateCase}};

int bench(const std::vector<std::string>& arguments) {
  const auto wanted = parseWanted("updates_bench", arguments, kGroups);
  if (!wanted) return 2;
  UpdatesContext context;
  context.quick = wanted->quick;
  context.dir = absolute(wanted->dir);
  context.build = buildTree();
  context.source = sourceTree(context.build);
  runGroups(kGroups, wanted->only, context);
  context.running.reset();
  finish(context.report, context.dir + "/updates.json");
  return 0;
}

}  // namespace
}  // namespace ox::bench

int main(int argc, char** argv) {
  try {
    return ox::bench::bench({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench failed: %s\n", e.what());
    return 1;
  }
}
