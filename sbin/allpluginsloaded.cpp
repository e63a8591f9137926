// allpluginsloaded: are all bundles of the node running? (source: the original's tool of that name)
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  ox::tool::Options options(call, "tells whether all bundles of the node are started");
  options.add(admin, ox::tool::NodeOptions::kNone);
  if (const auto exit = options.parse()) return *exit;

  ox::tool::Client client(admin);
  const auto answer = client.call("Bundles/list", nlohmann::json::object());
  if (!answer) return client.report(answer.error());
  int missing = 0;
  for (const auto& bundle : answer.value()) {
    const std::string state = bundle.value("state", "");
    if (state == "ACTIVE" || state == "DISABLED") continue;  // off on purpose is no fault
    ++missing;
    std::cout << "bundle " << bundle.value("name", "?") << " is " << bundle.value("state", "?")
              << ": " << bundle.value("error", "") << "\n";
  }
  if (missing == 0) std::cout << "All plugins are loaded and active\n";
  return missing == 0 ? 0 : 1;
}

}  // namespace

OX_TOOL(run, "are all bundles of the node started?", "allpluginsloaded")
