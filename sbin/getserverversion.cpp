// getserverversion: the version of the running node.
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  ox::tool::Options options(call, "prints the version of the node");
  options.add(admin, ox::tool::NodeOptions::kServer);
  if (const auto exit = options.parse()) return *exit;

  ox::tool::Client client(admin);
  const auto answer = client.call("Server/version", nlohmann::json::object());
  if (!answer) return client.report(answer.error());
  std::cout << answer->value("version", "?") << "\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "prints the version of the node", "getserverversion")
