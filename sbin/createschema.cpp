// createschema: a new empty schema, for contexts that choose it (source: the original's tool).
#include <iostream>
#include <nlohmann/json.hpp>

#include "tool.h"

namespace {

int run(ox::tool::Invocation& call) {
  ox::tool::AdminOptions admin;
  std::int64_t id = 0;
  ox::tool::Options options(call, "creates a schema");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.number("-i,--id", &id, 1, 2147483647, "database; without it the least filled one");
  if (const auto exit = options.parse()) return *exit;
  nlohmann::json arguments = nlohmann::json::object();
  if (id != 0) arguments["databaseId"] = id;
  ox::tool::Client client(admin);
  const auto answer = client.call("OXUtilService/createSchema", arguments);
  if (!answer) return client.report(answer.error(), "schema could not be created: ");
  std::cout << "schema " << answer.value().value("schema", "") << " in database "
            << answer.value().value("databaseId", 0) << " created\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "creates a schema", "createschema")
