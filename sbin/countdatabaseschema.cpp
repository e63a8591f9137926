// countdatabaseschema: number of schemas per database (source: the original's tool of that name).
#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "counts the schemas of databases",
                           "OXUtilService/countDatabaseSchema");
  tool.idOrName("id", "name", false);
  using ox::tool::Align;
  return tool.list("schemas", {{"id", "id", "id", Align::kRight},
                               {"name", "display_name", "name"},
                               {"schemas", "schemas", "schemas", Align::kRight}});
}

}  // namespace

OX_TOOL(run, "counts the schemas of databases", "countdatabaseschema")
