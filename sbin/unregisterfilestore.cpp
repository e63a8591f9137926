// unregisterfilestore: a file store without contexts is forgotten (source: the original's tool of
// that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "unregisters a file store", "OXUtilService/unregisterFilestore");
  tool.number("-i,--id", "id", 1, 2147483647, "the file store", ox::tool::Need::kRequired);
  return tool.act("filestore", "unregistered");
}

}  // namespace

OX_TOOL(run, "unregisters a file store", "unregisterfilestore")
