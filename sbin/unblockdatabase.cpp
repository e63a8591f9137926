// unblockdatabase: removes the mark of a blocking update that nobody runs any more.
// source: options and output of the original's tool.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "update_options.h"

namespace {

using nlohmann::json;
using namespace ox::tool;

int run(Invocation& call) {
  AdminOptions admin;
  std::int64_t id = 0;
  std::string name, schema;
  Options options(call, "unblocks schemas that are marked as being updated");
  options.add(admin, NodeOptions::kNone);
  options.number("-i,--id", &id, 1, 2147483647, "id of the database");
  options.text("-n,--name", &name, "<name>", "name of the database");
  options.text("--schema", &schema, "<schema>",
               "this schema, however young its mark; else all marked for more than 24 hours");
  if (const auto exit = options.parse()) return *exit;
  if (id == 0 && name.empty())
    return options.refuse("-i or -n must be given",
                          ox::codeInfo(ox::Code::kAdmMissingOption).exit);
  Client client(admin);
  const auto all = client.call("OXUtilService/listDatabase", json::object());
  if (!all) return client.report(all.error());
  std::string host;
  bool found = false;
  for (const json& one : all.value()) {
    if (id != 0 ? one.value("id", std::int64_t{0}) != id : one.value("name", "") != name) continue;
    found = true;
    id = one.value("id", std::int64_t{0});
    name = one.value("name", "");
    host = one.value("hostname", "");
    break;
  }
  if (!found) {
    std::cerr << "Error: there is no such database\n";
    return ox::codeInfo(ox::Code::kAdmInvalidData).exit;
  }
  json arguments{{"database", id}};
  if (!schema.empty()) arguments["schema"] = schema;
  const auto done = client.call("UpdateTaskService/unblockDatabase", arguments);
  if (!done) return client.report(done.error());
  std::cout << "unblocked the following schemas from database " << id << ":\n\n";
  Table table({{"id", Align::kRight}, {"name"}, {"hostname"}, {"scheme"}});
  for (const json& one : done.value())
    table.add({std::to_string(id), oneLine(name), oneLine(host), oneLine(one.get<std::string>())});
  table.print(admin.csv);
  return 0;
}

}  // namespace

OX_TOOL(run, "unblocks schemas that are marked as being updated", "unblockdatabase")
