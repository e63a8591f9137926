// checkupgradebridge: visits the older cluster with every upgrade bridge of a node, without telling it
// anything (ours; the original could be tried only by an update).
#include <iostream>

#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

using nlohmann::json;

void print(const std::string& package, const json& answer) {
  std::cout << package << ": logged in at " << answer.value("address", "") << " as group "
            << answer.value("group", "");
  if (const std::string version = answer.value("version", ""); !version.empty())
    std::cout << ", which is Hazelcast " << version;
  std::cout << ", in " << answer.value("millis", std::int64_t{0}) << " ms\n";
  for (const auto& member : answer.value("members", json::array()))
    std::cout << "  member " << member.get<std::string>() << "\n";
}

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  ox::tool::Options options(call, "asks the older cluster whether an upgrade bridge can reach it");
  options.add(admin, ox::tool::NodeOptions::kServer);
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto bundles = client.call("Bundles/list", json::object());
  if (!bundles) return client.report(bundles.error());
  const std::string prefix = "cluster-upgrade-from-";
  bool any = false;
  int exit = 0;
  for (const auto& bundle : *bundles) {
    const std::string name = bundle.value("name", "");
    if (!name.starts_with(prefix)) continue;
    any = true;
    if (bundle.value("state", "") != "ACTIVE") {
      std::cerr << name << " is installed and does not run: " << bundle.value("error", "") << "\n";
      exit = 1;
      continue;
    }
    const auto answer = client.call("UpgradeBridge/check-" + name.substr(prefix.size()), json::object());
    if (answer) print(name, *answer);
    else exit = client.report(answer.error(), name + ": the older cluster cannot be reached:");
  }
  if (!any) {
    std::cerr << "the node has no upgrade bridge; install the bundle cluster-upgrade-from-... of the older "
                 "release and restart the node\n";
    return 1;
  }
  return exit;
}

}  // namespace

OX_TOOL(run, "asks the older cluster whether an upgrade bridge can reach it", "checkupgradebridge")
