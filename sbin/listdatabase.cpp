// listdatabase: the databases in configdb (source: the original's tool; its header spells "inital").
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

using ox::tool::Align;

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string pattern;
  ox::tool::Options options(call, "lists databases");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-s,--searchpattern", &pattern, "<pattern>", "name, with * for anything");
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXUtilService/listDatabase", {{"pattern", pattern}});
  if (!answer) return client.report(answer.error(), "databases could not be listed: ");
  ox::tool::Table human({{"id", Align::kRight},
                         {"name"},
                         {"hostname"},
                         {"master"},
                         {"mid", Align::kRight},
                         {"weight", Align::kRight},
                         {"maxctx", Align::kRight},
                         {"curctx", Align::kRight},
                         {"hlimit"},
                         {"max", Align::kRight},
                         {"inital", Align::kRight}});
  ox::tool::Table csv({{"id"}, {"display_name"}, {"url"}, {"master"}, {"masterid"},
                       {"clusterweight"}, {"maxunits"}, {"currentunits"}, {"poolhardlimit"},
                       {"poolmax"}, {"poolinit"}, {"login"}});
  for (const auto& one : answer.value()) {
    const auto number = [&](const char* key) {
      return std::to_string(one.value(key, std::int64_t{0}));
    };
    const auto truth = [&](const char* key) {
      return std::string(one.value(key, false) ? "true" : "false");
    };
    human.add({number("id"), one.value("name", ""), one.value("hostname", ""), truth("master"),
               number("masterId"), number("weight"), number("maxUnits"), number("currentUnits"),
               truth("poolHardLimit"), number("poolMax"), number("poolInitial")});
    csv.add({number("id"), one.value("name", ""), one.value("url", ""), truth("master"),
             number("masterId"), number("weight"), number("maxUnits"), number("currentUnits"),
             truth("poolHardLimit"), number("poolMax"), number("poolInitial"),
             one.value("login", "")});
  }
  (admin.csv ? csv : human).print(admin.csv);
  return 0;
}

}  // namespace

OX_TOOL(run, "lists databases", "listdatabase")
