// grid_bench [--quick] [--only GROUP] OUTPUT_DIRECTORY: see tests/bench/README.md.
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "cases.h"
#include "groups.h"
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
constexpr Group<Context> kGroups[] = {
    {"inside", insideCases},   {"pair", pairCases},         {"topic", topicCases},
    {"start", startCase},      {"fail-over", failOverCase}, {"join", joinCases},
    {"sessions", sessionCase},
};

int bench(const std::vector<std::string>& arguments) {
  const auto wanted = parseWanted("grid_bench", arguments, kGroups);
  if (!wanted) return 2;
  Context context;
  context.quick = wanted->quick;
  context.dir = wanted->dir;
  std::remove((context.dir + "/grid-members.log").c_str());
  pinThread(kLeft);
  runGroups(kGroups, wanted->only, context);
  finish(context.report, context.dir + "/grid.json");
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
