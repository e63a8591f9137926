// unregisterdatabase: a database without contexts and schemas, or a slave, is forgotten (source:
// the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "unregisters a database", "OXUtilService/unregisterDatabase");
  tool.idOrName("id", "name");
  return tool.act("database", "unregistered");
}

}  // namespace

OX_TOOL(run, "unregisters a database", "unregisterdatabase")
