// checkcountsconsistency: counters of contexts compared with the contexts (source: the original's
// tool of that name).
#include <nlohmann/json.hpp>

#include "admin_tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminTool tool(call, "checks and corrects the counters of contexts",
                           "OXUtilService/checkCountsConsistency");
  return tool.act("counters", "checked", [](const nlohmann::json& answer) {
    std::string out;
    for (const auto& one : answer.value("corrected", nlohmann::json::array()))
      out += one.get<std::string>() + "\n";
    if (const auto undone = answer.value("undone", 0); undone > 0)
      out += std::to_string(undone) + " unfinished creations or moves removed\n";
    return out + (out.empty() ? "all counters are right" : "now all counters are right");
  });
}

}  // namespace

OX_TOOL(run, "checks and corrects the counters of contexts", "checkcountsconsistency")
