// deleteemptyschemas: schemas without contexts are dropped (source: the original's tool of that
// name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "drops schemas without contexts",
                           "OXUtilService/deleteEmptySchemas");
  tool.idOrName("id", "name", false);
  tool.text("--schema", "schema", "<name>", "only this one");
  tool.number("--schemas-to-keep", "keep", 0, 1000000, "how many of each database stay, default 0");
  return tool.act("schemas", "deleted", [](const nlohmann::json& answer) {
    std::string out;
    for (const auto& one : answer)
      out += "schema " + one.value("schema", "") + " in database " +
             std::to_string(one.value("databaseId", 0)) + " deleted\n";
    return out + std::to_string(answer.size()) + " schemas deleted";
  });
}

}  // namespace

OX_TOOL(run, "drops schemas without contexts", "deleteemptyschemas")
