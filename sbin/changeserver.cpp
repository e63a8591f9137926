// changeserver: the contexts of a schema go to another server (source: the original's tool of that
// name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "gives the contexts of a schema to a server",
                           "OXUtilService/changeServer");
  tool.number("-s,--server", "serverId", 1, 2147483647, "id of the server",
              ox::tool::Need::kRequired);
  tool.text("-m,--schema", "schema", "<name>", "the schema", ox::tool::Need::kRequired);
  return tool.act("schema", "changed", [](const nlohmann::json& answer) {
    return "schema " + answer.value("id", "") + " changed, contexts: " +
           std::to_string(answer.value("contexts", 0));
  });
}

}  // namespace

OX_TOOL(run, "gives the contexts of a schema to a server", "changeserver")
