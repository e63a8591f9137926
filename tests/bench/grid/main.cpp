// grid_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <sys/stat.h>

#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "cases.h"
#include "member.h"
#include "member_protocol/data_messages.h"

namespace ox::bench {

std::string offBy(const Known& known, double measured) {
  if (known.rate ? measured >= known.low * 0.7 : measured <= known.high * 1.3) return {};
  char text[200];
  std::snprintf(text, sizeof text,
                "yardstick worse by more than 30%%: %s is %.1f, known are %.1f - %.1f", known.name,
                measured, known.low, known.high);
  return text;
}

Joined startMember(const Context& context, int cpu, const std::vector<std::uint16_t>& nodes,
                   double throttle) {
  std::vector<std::string> arguments{"member", "--throttle", std::to_string(throttle)};
  for (const auto port : nodes) {
    arguments.push_back("--node");
    arguments.push_back(std::to_string(port));
  }
  Joined out;
  out.process = Child(arguments, cpu, context.dir + "/grid-members.log");
  const Answer up = out.process.answer();
  out.port = static_cast<std::uint16_t>(up.at("port"));
  out.joinedAt = static_cast<std::int64_t>(up.at("joined"));
  out.servedAt = static_cast<std::int64_t>(up.at("served"));
  return out;
}

Pair startPair(const Context& context) {
  Pair pair;
  pair.left = startMember(context, kLeft, {});
  pair.right = startMember(context, kRight, {pair.left.port});
  pair.left.process.ask("wait 2");
  pair.right.process.ask("wait 2");
  return pair;
}

EchoSizes backupSizes(std::size_t valueBytes) {
  grid::BackupMessage backup;
  backup.effect = grid::Effect::kStored;
  const Bytes key(32, 'k'), value(valueBytes, 'v');
  backup.map = kMap;
  backup.key = key;
  backup.value = value;
  EchoSizes sizes;
  sizes.request = 4 + backup.encode(0).size();
  sizes.answer = 4 + grid::AckMessage().encode(grid::Kind::kBackupAck, 0).size();
  return sizes;
}

Child startEcho(const Context& context, const EchoSizes& sizes, std::uint16_t& port) {
  Child child({"echo", std::to_string(sizes.request), std::to_string(sizes.answer)}, kRight,
              context.dir + "/grid-members.log");
  port = static_cast<std::uint16_t>(child.answer().at("port"));
  return child;
}

namespace {
struct Group {
  const char* name;
  void (*run)(Context&);
};
constexpr Group kGroups[] = {
    {"inside", insideCases},   {"pair", pairCases},         {"topic", topicCases},
    {"start", startCase},      {"fail-over", failOverCase}, {"join", joinCases},
    {"sessions", sessionCase},
};

int bench(const std::vector<std::string>& arguments) {
  Context context;
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
    std::fprintf(stderr, "grid_bench: %s\n", wrong.c_str());
    std::fprintf(stderr, "usage: grid_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY; groups:");
    for (const Group& g : kGroups) std::fprintf(stderr, " %s", g.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  mkdir(context.dir.c_str(), 0755);
  std::remove((context.dir + "/grid-members.log").c_str());
  pinThread(kLeft);
  for (const Group& g : kGroups)
    if (only.empty() || only == g.name) g.run(context);
  context.report.print();
  if (!context.report.write(context.dir + "/grid.json"))
    throw std::runtime_error("cannot write " + context.dir + "/grid.json");
  std::printf("bench: %zu rows, %zu not met\n", context.report.rows(), context.report.notMet());
  return 0;
}
}  // namespace
}  // namespace ox::bench

int main(int argc, char** argv) {
  using namespace ox::bench;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string role = arguments.empty() ? "" : arguments[0];
  try {
    if (role == "nothing") return std::puts("ok") < 0 ? 1 : 0;
    if (role == "stream") return streamServer();
    if (role == "member") return memberMain({arguments.begin() + 1, arguments.end()});
    if (role == "echo" && arguments.size() == 3)
      return echoServer({std::stoul(arguments[1]), std::stoul(arguments[2])});
    return bench(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench failed: %s\n", e.what());
    return 1;
  }
}
