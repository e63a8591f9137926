// registerfilestore: adds a file store (source: the original's tool of that name).
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string path;
  std::int64_t size = 1000;
  std::int64_t contexts = 5000;
  ox::tool::Options options(call, "registers a file store");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-t,--storepath", &path, "<uri>", "where it is, e.g. file:/var/opt/filestore",
               ox::tool::Need::kRequired);
  options.number("-s,--storesize", &size, 0, 8796093022207, "megabytes, default 1000");
  options.number("-x,--maxcontexts", &contexts, 0, 2147483647, "contexts, default 5000");
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXUtilService/registerFilestore",
                                  {{"uri", path}, {"sizeMb", size}, {"maxContexts", contexts}});
  if (!answer)
    return client.report(answer.error(), "filestore " + path + " could not be registered: ");
  std::cout << "filestore " << answer.value().value("id", 0) << " registered\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "registers a file store", "registerfilestore")
