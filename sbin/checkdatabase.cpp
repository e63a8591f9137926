// checkdatabase: the schemas that need an update or are being updated.
// source: options, columns, CSV header and status words of the original's tool.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "database/connection.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

int run(Invocation& call) {
  AdminOptions admin;
  Options options(call, "lists the schemas that need an update or are being updated");
  options.add(admin, NodeOptions::kNone);
  if (const auto exit = options.parse()) return *exit;

  Client client(admin);
  const auto rows = client.call("UpdateTaskService/checkDatabase", json::object());
  if (!rows) return client.report(rows.error());
  Table table({{"id", Align::kRight}, {"name"}, {"hostname"}, {"scheme"}, {"status"}});
  Table csv({{"id"}, {"display_name"}, {"url"}, {"scheme"}, {"status"}});
  int unreachable = 0;
  for (const json& row : rows.value()) {
    const std::string id = std::to_string(row.value("id", 0));
    const std::string name = oneLine(row.value("name", ""));
    const std::string url = oneLine(row.value("url", ""));
    const std::string schema = oneLine(row.value("schema", ""));
    const std::string status = oneLine(row.value("status", ""));
    const auto parsed = ox::db::parseJdbcUrl(url);
    table.add({id, name, parsed ? parsed.value().host : url, schema, status});
    csv.add({id, name, url, schema, status});
    unreachable += status == "Not reachable" ? 1 : 0;
  }
  (admin.csv ? csv : table).print(admin.csv);
  if (unreachable == 0) return 0;
  std::cerr << "Error: " << unreachable << " schema(s) could not be reached\n";
  return ox::codeInfo(ox::Code::kAdmStorage).exit;
}

}  // namespace

OX_TOOL(run, "lists the schemas that need an update or are being updated", "checkdatabase")
