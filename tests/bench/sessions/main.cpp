// sessions_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <cstdio>
#include <stdexcept>

#include "bare_server.h"
#include "cases.h"
#include "groups.h"
#include "places.h"
#include "session_store.h"

namespace ox::bench {

Servers& Context::servers() {
  if (!running) running = std::make_unique<Servers>(source, build, dir);
  return *running;
}

namespace {
constexpr Group<Context> kGroups[] = {{"whoami", whoamiCases},
                             {"logins", loginCases},
                             {"takeover", takeoverCase},
                             {"dead-member", deadMemberCase},
                             {"memory", memoryCase}};

int bench(const std::vector<std::string>& arguments) {
  const auto wanted = parseWanted("sessions_bench", arguments, kGroups);
  if (!wanted) return 2;
  Context context;
  context.quick = wanted->quick;
  context.dir = absolute(wanted->dir);
  context.build = buildTree();
  context.source = sourceTree(context.build);
  runGroups(kGroups, wanted->only, context);
  finish(context.report, context.dir + "/sessions.json");
  return 0;
}
}  // namespace
}  // namespace ox::bench

int main(int argc, char** argv) {
  using namespace ox::bench;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string role = arguments.empty() ? "" : arguments[0];
  try {
    if (role == "bare" && arguments.size() == 3)
      return bareServer(std::stoul(arguments[1]), std::stoi(arguments[2]));
    if (role == "store") return storeMain({arguments.begin() + 1, arguments.end()});
    return bench(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench failed: %s\n", e.what());
    return 1;
  }
}
