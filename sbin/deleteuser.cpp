// deleteuser: a user with the guests it invited (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "deletes a user", "OXUserService/delete");
  tool.context();
  tool.user();
  tool.number("-r,--reassign", "reassign", 1, 2147483647,
              "id of the user who takes over the invited guests; without it they are deleted too");
  return tool.act("user", "deleted");
}

}  // namespace

OX_TOOL(run, "deletes a user", "deleteuser")
