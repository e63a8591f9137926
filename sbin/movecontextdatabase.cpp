// movecontextdatabase: a context goes to another database (source: the original's tool of that
// name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "moves a context to another database",
                           "OXContextService/moveContextDatabase");
  tool.context();
  tool.number("-d,--database", "databaseId", 1, 2147483647, "id of the database");
  tool.text("-n,--name", "databaseName", "<name>", "name of the database instead of its id");
  tool.oneOf({"--database", "--name"});
  return tool.act("context", "moved", [](const nlohmann::json& answer) {
    return "context " + std::to_string(answer.value("id", 0)) + " moved to database " +
           std::to_string(answer.value("databaseId", 0)) + ", schema " + answer.value("schema", "");
  });
}

}  // namespace

OX_TOOL(run, "moves a context to another database", "movecontextdatabase")
