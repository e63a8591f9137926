// listcontext: the contexts in configdb (source: the original's tool of that name).
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

using ox::tool::Align;
using ox::tool::Cell;

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string pattern;
  bool ignoreCase = false;
  ox::tool::Options options(call, "lists contexts");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-s,--searchpattern", &pattern, "<pattern>",
               "id, name or login mapping, with * for anything");
  options.flag("-i,--ignorecase", &ignoreCase, "upper and lower case are the same");
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXContextService/list",
                                  {{"pattern", pattern}, {"ignoreCase", ignoreCase}});
  if (!answer) return client.report(answer.error(), "contexts could not be listed: ");
  ox::tool::Table human({{"cid", Align::kRight},
                         {"fid", Align::kRight},
                         {"fname"},
                         {"enabled"},
                         {"qmax", Align::kRight},
                         {"qused", Align::kRight},
                         {"name"},
                         {"lmappings"}});
  ox::tool::Table csv({{"id"}, {"filestore_id"}, {"filestore_name"}, {"enabled"}, {"max_quota"},
                       {"used_quota"}, {"name"}, {"lmappings"}, {"attributes"}});
  for (const auto& one : answer.value()) {
    const auto number = [&](const char* key) {
      return std::to_string(one.value(key, std::int64_t{0}));
    };
    std::string mappings;
    for (const auto& mapping : one.value("mappings", nlohmann::json::array()))
      mappings += (mappings.empty() ? "" : ",") + mapping.get<std::string>();
    std::vector<Cell> row{number("id"), number("filestoreId"), one.value("filestoreName", ""),
                          one.value("enabled", false) ? "true" : "false", number("quotaMb"),
                          number("usedMb"), one.value("name", ""), mappings};
    if (admin.csv) {
      row.emplace_back(std::nullopt);  // this release stores no context attributes
      csv.add(std::move(row));
    } else {
      human.add(std::move(row));
    }
  }
  (admin.csv ? csv : human).print(admin.csv);
  return 0;
}

}  // namespace

OX_TOOL(run, "lists contexts", "listcontext")
