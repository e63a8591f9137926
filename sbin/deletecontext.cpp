// deletecontext: a context with all of its users and data (source: the original's tool of that
// name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "deletes a context", "OXContextService/delete");
  tool.context();
  return tool.act("context", "deleted");
}

}  // namespace

OX_TOOL(run, "deletes a context", "deletecontext")
