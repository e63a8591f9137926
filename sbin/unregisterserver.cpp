// unregisterserver: a server without contexts is forgotten (source: the original's tool of that
// name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "unregisters a server", "OXUtilService/unregisterServer");
  tool.idOrName("id", "name");
  return tool.act("server", "unregistered");
}

}  // namespace

OX_TOOL(run, "unregisters a server", "unregisterserver")
