// changefilestore: what is given of a file store is changed (source: the original's tool of that
// name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "changes a file store", "OXUtilService/changeFilestore");
  tool.number("-i,--id", "id", 1, 2147483647, "the file store", ox::tool::Need::kRequired);
  tool.text("-t,--storepath", "uri", "<uri>", "its place, e.g. file:/var/opt/filestore");
  tool.number("-s,--storesize", "sizeMb", 0, 8796093022207, "megabytes");
  tool.number("-x,--maxcontexts", "maxContexts", 0, 2147483647, "contexts at most");
  return tool.act("filestore", "changed");
}

}  // namespace

OX_TOOL(run, "changes a file store", "changefilestore")
