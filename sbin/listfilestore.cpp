// listfilestore: the file stores in configdb (source: the original's tool of that name).
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

using ox::tool::Align;

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::string pattern;
  ox::tool::Options options(call, "lists file stores");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.text("-s,--searchpattern", &pattern, "<pattern>", "URI, with * for anything");
  if (const auto exit = options.parse()) return *exit;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXUtilService/listFilestore", {{"pattern", pattern}});
  if (!answer) return client.report(answer.error(), "file stores could not be listed: ");
  ox::tool::Table table({{"id", Align::kRight},
                         {"path"},
                         {"size", Align::kRight},
                         {"reserved", Align::kRight},
                         {"used", Align::kRight},
                         {"maxent", Align::kRight},
                         {"curent", Align::kRight}});
  for (const auto& one : answer.value()) {
    const auto number = [&](const char* key) {
      return std::to_string(one.value(key, std::int64_t{0}));
    };
    table.add({number("id"), one.value("uri", ""), number("sizeMb"), number("reservedMb"),
               number("usedMb"), number("maxContexts"), number("currentContexts")});
  }
  table.print(admin.csv);
  return 0;
}

}  // namespace

OX_TOOL(run, "lists file stores", "listfilestore")
