// listdatabaseschema: the schemas with their numbers of contexts (source: the original's tool of
// that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "lists schemas", "OXUtilService/listDatabaseSchema");
  tool.idOrName("id", "name", false);
  using ox::tool::Align;
  return tool.list("schemas", {{"id", "id", "id", Align::kRight},
                               {"name", "display_name", "name"},
                               {"schema", "scheme", "schema"},
                               {"contexts", "contexts", "contexts", Align::kRight},
                               {"", "created", "created"}});
}

}  // namespace

OX_TOOL(run, "lists schemas", "listdatabaseschema")
