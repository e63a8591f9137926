// disableschema: the contexts of a schema are disabled (source: the original's tool of that name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "disables a schema", "OXUtilService/disableSchema");
  tool.text("-m,--schema", "schema", "<name>", "the schema", ox::tool::Need::kRequired);
  return tool.act("schema", "disabled", [](const nlohmann::json& answer) {
    return "schema " + answer.value("id", "") + " disabled, contexts: " +
           std::to_string(answer.value("contexts", 0));
  });
}

}  // namespace

OX_TOOL(run, "disables a schema", "disableschema")
