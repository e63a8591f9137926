// registerserver: adds this server's name to configdb (source: the original's tool of that name).
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string name;
  ox::tool::Options options(call, "registers a server");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-n,--name", &name, "<name>", "SERVER_NAME of system.properties",
               ox::tool::Need::kRequired);
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXUtilService/registerServer", {{"name", name}});
  if (!answer)
    return client.report(answer.error(), "server " + name + " could not be registered: ");
  std::cout << "server " << answer.value().value("id", 0) << " registered\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "registers a server", "registerserver")
