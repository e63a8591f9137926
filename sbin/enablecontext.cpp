// enablecontext: the opposite of disablecontext (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "enables a context", "OXContextService/enable");
  tool.context();
  return tool.act("context", "enabled");
}

}  // namespace

OX_TOOL(run, "enables a context", "enablecontext")
