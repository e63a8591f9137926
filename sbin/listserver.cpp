// listserver: the servers in configdb (source: the original's tool of that name).
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

using ox::tool::Align;

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string pattern;
  ox::tool::Options options(call, "lists servers");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-s,--searchpattern", &pattern, "<pattern>", "name, with * for anything");
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXUtilService/listServer", {{"pattern", pattern}});
  if (!answer) return client.report(answer.error(), "servers could not be listed: ");
  ox::tool::Table table({{"id", Align::kRight}, {"name"}});
  for (const auto& one : answer.value())
    table.add({std::to_string(one.value("id", 0)), one.value("name", "")});
  table.print(admin.csv);
  return 0;
}

}  // namespace

OX_TOOL(run, "lists servers", "listserver")
