// createschemas: new empty schemas (source: the original's tool of that name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "creates schemas", "OXUtilService/createSchemas");
  tool.number("-i,--id", "databaseId", 1, 2147483647, "database; without it the least filled one");
  tool.number("-q,--quantity", "number", 1, 1000, "how many", ox::tool::Need::kRequired);
  return tool.act("schemas", "created", [](const nlohmann::json& answer) {
    std::string out;
    for (const auto& one : answer)
      out += "schema " + one.value("schema", "") + " in database " +
             std::to_string(one.value("databaseId", 0)) + " created\n";
    return out + std::to_string(answer.size()) + " schemas created";
  });
}

}  // namespace

OX_TOOL(run, "creates schemas", "createschemas")
