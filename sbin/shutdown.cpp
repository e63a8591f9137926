// shutdown: lets the node leave its cluster and end; -w waits until the process is gone.
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tool.h"

namespace {

constexpr auto kMaxWait = std::chrono::seconds(300);
constexpr auto kPause = std::chrono::milliseconds(100);

// Does the process live (a zombie does not)?
bool runs(std::int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return false;
  const auto name = line.rfind(')');
  return name != std::string::npos && name + 2 < line.size() && line[name + 2] != 'Z';
}

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  bool wait = false;
  ox::tool::Options options(call, "lets the node hand over its data, leave the cluster and end");
  options.add(admin, ox::tool::NodeOptions::kServer);
  options.flag("-w,--wait", &wait, "wait until the process has ended (on this machine)");
  if (const auto exit = options.parse()) return *exit;

  ox::tool::Client client(admin);
  const auto answer = client.call("Server/shutdown", nlohmann::json::object());
  if (!answer) return client.report(answer.error(), "node could not be stopped:");
  if (!wait) return 0;
  const auto node = ox::tool::findNode(admin, ox::tool::Port::kRmi);
  const std::string host = node ? node->host : "";
  if (host != "localhost" && host != "::1" && !host.starts_with("127.")) {
    std::cerr << "Error: -w works on the machine of the node only; " << host << " is stopping\n";
    return 1;
  }
  const auto pid = answer->value("pid", std::int64_t{0});
  const auto deadline = std::chrono::steady_clock::now() + kMaxWait;
  while (runs(pid)) {
    if (std::chrono::steady_clock::now() > deadline) {
      std::cerr << "Error: process " << pid << " still runs after " << kMaxWait.count() << " s\n";
      return 1;
    }
    std::this_thread::sleep_for(kPause);
  }
  return 0;
}

}  // namespace

OX_TOOL(run, "stops the node", "shutdown")
