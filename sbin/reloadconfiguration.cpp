// reloadconfiguration: lets the node read its configuration again (as SIGHUP does) and tells the
// outcome. Also callable as triggerreloadconfiguration, whose -d is accepted.
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  bool reload = false;
  ox::tool::Options options(call, "lets the node read its configuration again");
  options.add(admin, ox::tool::NodeOptions::kServer);
  options.flag("-d,--reload", &reload, "reload (default; kept for existing scripts)");
  if (const auto exit = options.parse()) return *exit;

  ox::tool::Client client(admin);
  const auto answer = client.call("Server/reload", nlohmann::json::object());
  if (!answer) return client.report(answer.error(), "configuration could not be reloaded:");
  std::cout << "configuration reloaded\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "lets the node read its configuration again", "reloadconfiguration",
        "triggerreloadconfiguration")
