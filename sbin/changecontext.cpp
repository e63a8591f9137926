// changecontext: name, quota and login mappings (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "changes a context", "OXContextService/change");
  tool.context(true);
  tool.number("-q,--quota", "quotaMb", -1, 8796093022207, "megabytes, -1 = no limit");
  tool.list("-L,--addmapping", "addMappings", "<a,b>", "login mappings to add");
  tool.list("-R,--removemapping", "removeMappings", "<a,b>", "login mappings to remove");
  return tool.act("context", "changed");
}

}  // namespace

OX_TOOL(run, "changes a context", "changecontext")
