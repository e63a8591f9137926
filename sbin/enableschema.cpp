// enableschema: the contexts of a schema are enabled (source: the original's tool of that name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "enables a schema", "OXUtilService/enableSchema");
  tool.text("-m,--schema", "schema", "<name>", "the schema", ox::tool::Need::kRequired);
  return tool.act("schema", "enabled", [](const nlohmann::json& answer) {
    return "schema " + answer.value("id", "") + " enabled, contexts: " +
           std::to_string(answer.value("contexts", 0));
  });
}

}  // namespace

OX_TOOL(run, "enables a schema", "enableschema")
