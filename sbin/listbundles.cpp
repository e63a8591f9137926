// listbundles: the bundles of a node with version, state, needed and offered services (a tool of
// ours; the original has the OSGi console for it).
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

std::string joined(const nlohmann::json& list) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ",") + item.get<std::string>();
  return out;
}

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  ox::tool::Options options(call, "lists the bundles of a node, and why one does not run");
  options.add(admin, ox::tool::NodeOptions::kServer);
  if (const auto exit = options.parse()) return *exit;

  ox::tool::Client client(admin);
  const auto answer = client.call("Bundles/list", nlohmann::json::object());
  if (!answer) return client.report(answer.error());
  std::vector<ox::tool::Column> columns = {{"name"}, {"version"}, {"state"}, {"needs"}, {"offers"}};
  if (admin.csv) columns.push_back({"error"});
  ox::tool::Table table(columns);
  std::string reasons;
  for (const auto& bundle : answer.value()) {
    const auto text = [&bundle](const char* key) { return bundle.value(key, std::string()); };
    std::vector<ox::tool::Cell> row = {text("name"), text("version"), text("state"),
                                       joined(bundle.at("needs")), joined(bundle.at("offers"))};
    const std::string error = text("error");
    if (admin.csv) row.push_back(error.empty() ? ox::tool::Cell() : error);
    else if (!error.empty()) reasons += text("name") + ": " + error + "\n";
    table.add(std::move(row));
  }
  table.print(admin.csv);
  if (!reasons.empty()) std::cout << "\n" << reasons;
  return 0;
}

}  // namespace

OX_TOOL(run, "lists the bundles of a node", "listbundles")
