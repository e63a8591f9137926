// disablecontext: nobody of the context can work (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "disables a context", "OXContextService/disable");
  tool.context();
  tool.number("-r,--reason", "reasonId", 0, 4294967295, "number of a row of reason_text");
  return tool.act("context", "disabled");
}

}  // namespace

OX_TOOL(run, "disables a context", "disablecontext")
