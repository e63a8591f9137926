// sessions_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "bare_server.h"
#include "cases.h"
#include "groups.h"
#include "session_store.h"

namespace ox::bench {

std::string text(const char* format, double a, double b, double c) {
  char out[200];
  std::snprintf(out, sizeof out, format, a, b, c);
  return out;
}

std::string unsteady(const char* what, const std::vector<double>& turns) {
  const auto [least, most] = std::minmax_element(turns.begin(), turns.end());
  if (turns.empty() || *most <= 2 * *least) return {};
  return std::string("the turns of ") + what + text(" differ twofold: %.0f - %.0f", *least, *most);
}

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

std::string absolute(const std::string& path) {
  char out[PATH_MAX];
  if (!realpath(path.c_str(), out)) throw std::runtime_error("no such directory: " + path);
  return out;
}

// The build tree is the one of this program: <build>/tests/bench/sessions/sessions_bench.
std::string buildTree() {
  std::string path = absolute("/proc/self/exe");
  for (int up = 0; up < 4; ++up) path.resize(path.rfind('/'));
  return path;
}

int bench(const std::vector<std::string>& arguments) {
  const auto wanted = parseWanted("sessions_bench", arguments, kGroups);
  if (!wanted) return 2;
  Context context;
  context.quick = wanted->quick;
  context.dir = absolute(wanted->dir);
  context.build = buildTree();
  const char* const source = std::getenv("OX_SOURCE");
  context.source = absolute(source ? source : context.build + "/../..");
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
