// createcontext: a context with its administrator (source: the original's tool of that name).
#include <iostream>
#include <nlohmann/json.hpp>

#include "csv_import.h"
#include "tool.h"
#include "user_options.h"

namespace {

int run(ox::tool::Invocation& call) {
  using ox::tool::Need;
  auto columns = ox::tool::UserOptions::columns();
  columns.insert(columns.end(), {"contextid", "contextname", "quota", "addmapping",
                                 "destination-store-id", "destination-database-id", "schema",
                                 "schema-strategy"});
  if (const auto exit = ox::tool::csvImport(call, run, columns)) return *exit;
  ox::tool::AdminOptions admin;
  ox::tool::UserOptions user;
  std::int64_t id = 0, quota = -1, store = 0, database = 0;
  std::string name, mappings, schema, strategy;
  ox::tool::Options options(call, "creates a context");
  options.add(admin, ox::tool::NodeOptions::kNone);
  options.number("-c,--contextid", &id, 1, 2147483647, "id; without it the next free one");
  options.text("-N,--contextname", &name, "<name>", "name; without it the id");
  options.number("-q,--quota", &quota, -1, 8796093022207, "megabytes, -1 = no limit",
                 Need::kRequired);
  options.text("-L,--addmapping", &mappings, "<a,b>", "login mappings");
  options.number("-F,--destination-store-id", &store, 1, 2147483647, "file store");
  options.number("-D,--destination-database-id", &database, 1, 2147483647, "database");
  options.text("--schema-name,--schema", &schema, "<name>", "schema");
  options.text("--schema-strategy", &strategy, "<automatic/in-memory>", "how a schema is chosen");
  user.declare(options);
  if (const auto exit = options.parse()) return *exit;
  if (!user.complete())
    return options.refuse("the option -p,--password or NEW_USER_PASSWORD is missing", 104);
  ox::tool::Client client(admin);
  const std::string shown = id != 0 ? std::to_string(id) : name;
  const std::string first = ox::tool::failureLine("context", shown, std::nullopt, "created");
  const auto refuse = [&](const char* text) {
    return client.report(ox::Error(ox::Code::kAdmInvalidData, text), first);
  };
  if (!schema.empty() && !strategy.empty())
    return refuse("--schema and --schema-strategy exclude each other");
  if (!strategy.empty() && strategy != "automatic" && strategy != "in-memory")
    return refuse("--schema-strategy must be automatic or in-memory");

  nlohmann::json arguments = {{"name", name},
                              {"quotaMb", quota},
                              {"mappings", ox::tool::splitCommas(mappings)},
                              {"schema", schema},
                              {"admin", user.toJson()}};
  if (id != 0) arguments["id"] = id;
  if (store != 0) arguments["filestoreId"] = store;
  if (database != 0) arguments["databaseId"] = database;
  const auto answer = client.call("OXContextService/create", arguments);
  if (!answer) {
    const int exit = client.report(answer.error(), first);
    return answer.error().code == ox::Code::kAdmExists ? 1 : exit;  // as the original's mapping
  }
  std::cout << ox::tool::successLine("context", std::to_string(answer.value().value("id", 0)),
                                     std::nullopt, "created")
            << "\n";
  return 0;
}

}  // namespace

OX_TOOL(run, "creates a context", "createcontext")
